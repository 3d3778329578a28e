#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/sources.hpp"
#include "runtime/tasks/source_language.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// The ids of a source text, with special tokens. `language` replaces the tokenizer's own.
///
/// Fails with kInvalidArgument for a text that is not UTF-8, has no tokens, has more than the model
/// accepts (TooLong::kRefuse), or has one that the model does not know.
Result<Source> source_ids(const text::Tokenizer& tokenizer, std::string_view text,
                          const ModelInfo& info, const std::optional<SourceLanguage>& language = {},
                          TooLong too_long = TooLong::kRefuse);

/// The same checks for ids from elsewhere, which are truncated to what the model accepts.
Result<Source> checked_source(std::vector<int32_t> ids, const ModelInfo& info, TooLong too_long);

}  // namespace lanewise::tasks
