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

/// What the configs of Transformers' encoder-decoders have in common.

/// Special tokens that Transformers' config class has where config.json says nothing.
struct DefaultTokens {
  int32_t bos = kNoToken;
  int32_t eos = kNoToken;
  int32_t pad = kNoToken;
  int32_t decoder_start = kNoToken;
  int32_t forced_eos = kNoToken;
};

/// The options for generating: generation_config.json beside the config, or, where there is none,
/// the fields of config.json that older checkpoints have for them, with `defaults`.
Result<GenerationOptions> read_hf_generation(const FamilyInput& input, int64_t vocabulary,
                                             const DefaultTokens& defaults);

/// `name`, or `alias`, Transformers' name for the same in every model, where that alone is given.
Result<int64_t> integer_or_alias(const Config& config, const std::string& name,
                                 const std::string& alias, int64_t fallback, int64_t min,
                                 int64_t max);

/// A field of older configs that Transformers no longer reads: one value of it is what the model
/// does, another would be another model.
struct FixedField {
  const char* name;
  bool value;
};
/// kUnsupported for a field with another value.
Status check_fixed(const Config& config, std::span<const FixedField> fields);

/// Reports each field of config.json that is not in `known`, nor about generating, labels of
/// classes, training or bookkeeping, and so could mean what nobody here reads.
void report_unknown_hf_fields(const FamilyInput& input, std::span<const std::string_view> known);

}  // namespace lanewise::converters
