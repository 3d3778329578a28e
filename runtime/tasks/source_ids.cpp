#include "runtime/tasks/source_ids.hpp"

#include <string>

#include "ops/status_macros.hpp"

namespace lanewise::tasks {

Result<std::vector<int32_t>> source_ids(const text::Tokenizer& tokenizer, std::string_view text,
                                        const ModelInfo& info,
                                        const std::optional<SourceLanguage>& language) {
  LW_ASSIGN_OR_RETURN(const text::Encoding encoding, encode_source(tokenizer, text, language));
  const auto tokens = static_cast<int64_t>(encoding.tokens.size());
  if (tokens == 0) return invalid_argument("the text is empty: it has no tokens");
  if (tokens > info.max_tokens) {
    return invalid_argument("the text has " + std::to_string(tokens) +
                            " tokens; this model takes up to " + std::to_string(info.max_tokens));
  }
  std::vector<int32_t> ids;
  ids.reserve(encoding.tokens.size());
  for (const text::Token& token : encoding.tokens) ids.push_back(token.id);
  return ids;
}

}  // namespace lanewise::tasks
