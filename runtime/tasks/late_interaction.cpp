#include "runtime/tasks/late_interaction.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"

namespace lanewise::tasks {
namespace {

constexpr text::Token special(int32_t id) {
  return {.id = id, .begin = 0, .end = 0, .role = text::TokenRole::kSpecial};
}

/// The text's tokens with the marker among them.
Result<text::Encoding> encode_marked(const text::Tokenizer& tokenizer, std::string_view text,
                                     const LateInteractionTexts& kind) {
  if (kind.marker_id < 0) return tokenizer.encode(text, {.max_length = kind.max_tokens});
  const bool replaces = !kind.replaced_prefix.empty();
  const std::string whole = kind.replaced_prefix + std::string(text);
  LW_ASSIGN_OR_RETURN(
      text::Encoding encoding,
      tokenizer.encode(whole, {.max_length = kind.max_tokens - (replaces ? 0 : 1)}));
  std::vector<text::Token>& tokens = encoding.tokens;
  const auto place = tokens.begin() + std::min<ptrdiff_t>(1, std::ssize(tokens));
  if (replaces && place != tokens.end()) {
    *place = special(kind.marker_id);
  } else {
    tokens.insert(place, special(kind.marker_id));
  }
  return encoding;
}

}  // namespace

Status add_late(TextBatcher& batcher, std::string_view text, bool is_query,
                const RunOptions& options) {
  const LateInteraction& late = batcher.model().info().head.late_interaction;
  const LateInteractionTexts& kind = is_query ? late.queries : late.documents;
  LW_RETURN_IF_ERROR(check_cancelled(options, "text", batcher.size()));
  Result<text::Encoding> encoding = encode_marked(batcher.tokenizer(), text, kind);
  if (!encoding.ok()) return encoding.status().with_context(numbered("text", batcher.size()));
  std::vector<text::Token>& tokens = encoding->tokens;
  if (tokens.empty()) return invalid_argument(numbered("text", batcher.size()) + " has no tokens");
  TextBatcher::Added added{.truncated = encoding->truncated};
  if (is_query && late.expansion_id >= 0) {
    if (!late.attends_to_expansion) added.attended = static_cast<int32_t>(tokens.size());
    const auto most = static_cast<size_t>(kind.max_tokens);
    tokens.resize(std::max(tokens.size(), most), special(late.expansion_id));
  }
  batcher.add_tokens(tokens, {}, added);
  return {};
}

}  // namespace lanewise::tasks
