#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Common parts of the configs of Transformers' encoder-decoders.

/// Special tokens by default of Transformers' config class.
struct DefaultTokens {
  int32_t bos = kNoToken;
  int32_t eos = kNoToken;
  int32_t pad = kNoToken;
  int32_t decoder_start = kNoToken;
  int32_t forced_eos = kNoToken;
};

/// Reads the generation options from generation_config.json beside the config, or, if there is
/// none, from the fields of config.json that older checkpoints use, with `defaults`.
Result<GenerationOptions> read_hf_generation(const FamilyInput& input, int64_t vocabulary,
                                             const DefaultTokens& defaults);

/// Reads `name`, or `alias`, Transformers' common name for the same field, if only that is present.
Result<int64_t> integer_or_alias(const Config& config, const std::string& name,
                                 const std::string& alias, int64_t fallback, int64_t min,
                                 int64_t max);

/// A field of older configs that Transformers no longer reads. One value describes the model; any
/// other would be a different model.
struct FixedField {
  const char* name;
  bool value;
};
/// kUnsupported for a field with another value.
Status check_fixed(const Config& config, std::span<const FixedField> fields);

/// Reports each field of config.json that is neither in `known` nor about generation, labels,
/// training or bookkeeping, because it might affect the model.
void report_unknown_hf_fields(const FamilyInput& input, std::span<const std::string_view> known);

}  // namespace lanewise::converters
