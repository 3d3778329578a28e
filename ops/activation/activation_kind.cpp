#include "ops/activation/activation_kind.hpp"

#include <string>
#include <utility>

namespace lanewise::ops {

Result<Activation> parse_activation(std::string_view name) {
  static constexpr std::pair<std::string_view, Activation> kNames[] = {
#define LW_ACTIVATION(kind, name, function) {name, Activation::kind},
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
  };
  std::string known;
  for (const auto& [known_name, activation] : kNames) {
    if (known_name == name) return activation;
    known += known.empty() ? "" : ", ";
    known += known_name;
  }
  return unsupported("unknown activation '" + std::string(name) + "'; known: " + known);
}

}  // namespace lanewise::ops
