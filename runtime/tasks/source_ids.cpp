#include "runtime/tasks/source_ids.hpp"

#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/batch.hpp"

namespace lanewise::tasks {
namespace {

Status check_ids(const std::vector<int32_t>& ids, const ModelInfo& info) {
  const auto length = static_cast<int32_t>(ids.size());
  return check_batch({.ids = ids, .type_ids = {}, .lengths = {&length, 1}}, info, false);
}

}  // namespace

Result<Source> source_ids(const text::Tokenizer& tokenizer, std::string_view text,
                          const ModelInfo& info, const std::optional<SourceLanguage>& language,
                          TooLong too_long) {
  const int64_t limit = too_long == TooLong::kTruncate ? info.max_tokens : 0;
  LW_ASSIGN_OR_RETURN(const text::Encoding encoding,
                      encode_source(tokenizer, text, language, limit));
  const auto tokens = static_cast<int64_t>(encoding.tokens.size());
  if (tokens == 0) return invalid_argument("the text is empty: it has no tokens");
  if (tokens > info.max_tokens) {
    return invalid_argument("the text has " + std::to_string(tokens) +
                            " tokens; this model takes up to " + std::to_string(info.max_tokens));
  }
  Source source;
  source.truncated = encoding.truncated;
  source.ids.reserve(encoding.tokens.size());
  for (const text::Token& token : encoding.tokens) source.ids.push_back(token.id);
  LW_RETURN_IF_ERROR(check_ids(source.ids, info));
  return source;
}

Result<Source> checked_source(std::vector<int32_t> ids, const ModelInfo& info, TooLong too_long) {
  Source source{.ids = std::move(ids)};
  const auto limit = static_cast<size_t>(info.max_tokens);
  if (too_long == TooLong::kTruncate && source.ids.size() > limit) {
    source.ids.resize(limit);
    source.truncated = true;
  }
  LW_RETURN_IF_ERROR(check_ids(source.ids, info));
  return source;
}

}  // namespace lanewise::tasks
