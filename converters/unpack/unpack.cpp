#include "converters/unpack/unpack.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

struct Method {
  std::string_view name;
  Result<Derivation> (*unpack)(const Checkpoint& stored, const Config& quantization);
  bool is_small;
};

constexpr Method kMethods[] = {{"awq", unpack_awq, true},
                               {"bitsandbytes", unpack_bitsandbytes, false},
                               {"fp8", unpack_fp8, false},
                               {"gptq", unpack_gptq, true}};

}  // namespace

Result<UnpackedCheckpoint> unpack_weights(std::unique_ptr<Checkpoint> stored,
                                          const Config& config) {
  UnpackedCheckpoint result;
  if (!config.has("quantization_config")) {
    result.checkpoint = std::move(stored);
    return result;
  }
  LW_ASSIGN_OR_RETURN(const Config quantization, config.object("quantization_config"));
  LW_ASSIGN_OR_RETURN(const std::string name, quantization.text("quant_method", ""));
  const auto* const method = std::ranges::find(kMethods, name, &Method::name);
  if (method == std::end(kMethods)) {
    std::string known;
    for (const Method& one : kMethods) known.append(known.empty() ? "" : ", ").append(one.name);
    return unsupported(quantization.label() + ": 'quant_method' " + base::in_quotes(name) +
                       " is not supported; known: " + known);
  }
  LW_ASSIGN_OR_RETURN(Derivation derivation, method->unpack(*stored, quantization));
  result.checkpoint = derive(std::move(stored), std::move(derivation));
  result.is_small = method->is_small;
  return result;
}

}  // namespace lanewise::converters
