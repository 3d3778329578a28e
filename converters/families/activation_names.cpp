#include "converters/families/activation_names.hpp"

#include <string_view>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

struct Name {
  std::string_view theirs;  // transformers/activations.py
  std::string_view ours;    // ops/activation/activation_kind.hpp
};

// PReLU and xIELU have parameters of their own.
constexpr Name kActivations[] = {
    {"gelu", "gelu"},
    {"gelu_10", "gelu_10"},
    {"gelu_accurate", "gelu_tanh"},
    {"gelu_fast", "gelu_tanh"},
    {"gelu_new", "gelu_tanh"},
    {"gelu_python", "gelu"},
    {"gelu_python_tanh", "gelu_tanh"},
    {"gelu_pytorch_tanh", "gelu_tanh"},
    {"hard-swish", "hard_swish"},
    {"hardswish", "hard_swish"},
    {"laplace", "laplace"},
    {"leaky_relu", "leaky_relu"},
    {"linear", "none"},
    {"mish", "mish"},
    {"quick_gelu", "quick_gelu"},
    {"relu", "relu"},
    {"relu2", "relu2"},
    {"relu6", "relu6"},
    {"sigmoid", "sigmoid"},
    {"silu", "silu"},
    {"swish", "silu"},
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
  for (const Name& name : kActivations) {
    if (given == name.theirs) return std::string(name.ours);
    known.append(known.empty() ? "" : ", ").append(name.theirs);
  }
  return unsupported(config.label() + ": unknown " + field + " " + base::in_quotes(given) +
                     "; known: " + known);
}

}  // namespace lanewise::converters
