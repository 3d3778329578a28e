#include "converters/families/activation_names.hpp"

#include <string_view>

#include "ops/status_macros.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::converters {
namespace {

struct Name {
  std::string_view theirs;  // transformers/activations.py
  std::string_view ours;    // ops/activation/activation_kind.hpp
};

constexpr Name kNames[] = {
    {"gelu", "gelu"}, {"gelu_new", "gelu_tanh"}, {"gelu_pytorch_tanh", "gelu_tanh"},
    {"relu", "relu"}, {"silu", "silu"},          {"swish", "silu"},
    {"tanh", "tanh"},
};

}  // namespace

Result<std::string> activation_name(const Config& config, const std::string& field,
                                    std::string_view fallback) {
  LW_ASSIGN_OR_RETURN(const std::string given, config.text(field, fallback));
  return activation_of(config, field, given);
}

Result<std::string> activation_of(const Config& config, const std::string& field,
                                  std::string_view given) {
  std::string known;
  for (const Name& name : kNames) {
    if (given == name.theirs) return std::string(name.ours);
    known.append(known.empty() ? "" : ", ").append(name.theirs);
  }
  return unsupported(config.label() + ": unknown " + field + " " + file::in_quotes(given) +
                     "; known: " + known);
}

}  // namespace lanewise::converters
