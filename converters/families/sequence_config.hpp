#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Common parts of the configs of plain modules that read and write tokens: special tokens and
/// vocabularies.

/// Reads the generation options from generation_config.json beside the config, if there is one.
/// What it omits comes from the config's `bos_token_id`, with which the decoder starts,
/// `eos_token_id` and `pad_token_id`.
Result<GenerationOptions> read_sequence_generation(const FamilyInput& input, int64_t vocabulary);

/// Returns the tokenizer of `source_vocabulary` as JSON; empty if the config has none. The
/// vocabulary must have `size` tokens, the rows of `table`. Texts are converted to lower case if
/// `source_lowercase` is true, then split at white space or into characters (`source_split`).
/// Unknown words become `unk_token`, or are errors without it. `source_bos_token_id` and
/// `source_eos_token_id` are added before and after each text.
Result<std::string> source_tokenizer(const FamilyInput& input, int64_t size,
                                     const std::string& table);
/// Returns the tokenizer of `target_vocabulary`; the special tokens of `generation` are not decoded
/// to text.
Result<std::string> target_tokenizer(const FamilyInput& input, int64_t size,
                                     const std::string& table, const GenerationOptions& generation);

/// All of the above for an encoder and a decoder, with the vocabulary sizes in `model.info`. A
/// config has both vocabularies or none.
Status read_sequence_tokens(const FamilyInput& input, const std::string& source_table,
                            const std::string& target_table, FamilyModel& model);

/// Reports each field of the config that is neither in `known` nor irrelevant after training.
void report_unknown_fields(const FamilyInput& input, std::span<const std::string_view> known);

}  // namespace lanewise::converters
