#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "runtime/tasks/source_language.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// The ids of a text that something is generated from, special tokens included. Nothing is cut:
/// half a sentence has another translation. `language` is in place of the tokenizer's own.
///
/// Fails with kInvalidArgument for a text that is not UTF-8, has no tokens, or more than the model
/// takes.
Result<std::vector<int32_t>> source_ids(const text::Tokenizer& tokenizer, std::string_view text,
                                        const ModelInfo& info,
                                        const std::optional<SourceLanguage>& language = {});

}  // namespace lanewise::tasks
