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

/// What the configs of plain modules that read and write tokens have in common: special tokens and
/// vocabularies.

/// The options for generating: those of a generation_config.json beside the config, where there is
/// one, and the config's `bos_token_id`, which the decoder starts with, `eos_token_id` and
/// `pad_token_id` for what it leaves open.
Result<GenerationOptions> read_sequence_generation(const FamilyInput& input, int64_t vocabulary);

/// The tokenizer of `source_vocabulary`, as JSON; empty where the config has none. It must have
/// `size` tokens, the rows of `table`. Texts are split at white space, or into characters
/// (`source_split`), put into lower case before where `source_lowercase` is true; words that it
/// does not have are `unk_token`, or errors. `source_bos_token_id` and `source_eos_token_id`, ids
/// of the source's, are put around each text.
Result<std::string> source_tokenizer(const FamilyInput& input, int64_t size,
                                     const std::string& table);
/// The tokenizer of `target_vocabulary`; the special tokens of `generation` are no text.
Result<std::string> target_tokenizer(const FamilyInput& input, int64_t size,
                                     const std::string& table, const GenerationOptions& generation);

/// All of these for an encoder and a decoder, whose vocabulary sizes `model.info` has. A config has
/// both vocabularies or none.
Status read_sequence_tokens(const FamilyInput& input, const std::string& source_table,
                            const std::string& target_table, FamilyModel& model);

/// Reports each field of the config that is not in `known`, nor of those that change nothing once a
/// model is trained.
void report_unknown_fields(const FamilyInput& input, std::span<const std::string_view> known);

}  // namespace lanewise::converters
