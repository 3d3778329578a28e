#include "runtime/text/wordlevel.hpp"

#include "ops/status_macros.hpp"
#include "runtime/text/bert_normalizer.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/tokenizer_base.hpp"
#include "runtime/text/utf8.hpp"
#include "runtime/text/wordlevel_json.hpp"

namespace lanewise::text {
namespace {

// How much of an unknown piece a message shows.
constexpr size_t kMostShownBytes = 40;

/// What a code point is to WordSplit::kWords and kWhitespace.
enum class Kind { kSpace, kWord, kOther };

Kind kind_of(char32_t code_point, WordSplit split) noexcept {
  if (code_point_class(code_point) & kSpace) return Kind::kSpace;
  if (split == WordSplit::kWhitespace) return Kind::kWord;
  return is_word_character(code_point) ? Kind::kWord : Kind::kOther;
}

/// One past the last byte of the piece of `text` that starts at `begin`.
size_t piece_end(std::string_view text, size_t begin, WordSplit split) {
  if (split == WordSplit::kNone) return text.size();
  const CodePoint first = decode_at(text, begin);
  size_t end = begin + static_cast<size_t>(first.length);
  if (split == WordSplit::kCharacters) return end;
  const Kind kind = kind_of(first.value, split);
  while (end < text.size()) {
    const CodePoint next = decode_at(text, end);
    const bool same = split == WordSplit::kDots ? first.value == '\n' && next.value == '\n'
                                                : kind_of(next.value, split) == kind;
    if (!same) break;
    end += static_cast<size_t>(next.length);
  }
  return end;
}

bool is_left_out(std::string_view text, size_t begin, WordSplit split) {
  const bool drops_spaces = split == WordSplit::kWhitespace || split == WordSplit::kWords;
  return drops_spaces && kind_of(decode_at(text, begin).value, split) == Kind::kSpace;
}

class WordLevel final : public TokenizerBase {
 public:
  Status build(WordLevelConfig config);
  std::string to_json() const override { return wordlevel_to_json(config_, *this); }

 private:
  int32_t model_id(std::string_view token) const override { return vocabulary_.find(token); }
  Result<NormalizedText> normalize(std::string_view text, size_t offset) const override;
  Status encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                           Output* out) const override;
  Result<std::string> join_tokens(std::span<const std::string_view> tokens) const override {
    return join(tokens, config_.fuse ? "" : " ");
  }
  /// A piece without a token is an error wherever it stands.
  bool reads_pairs_whole() const override { return true; }

  WordLevelConfig config_;
  ByteTrie vocabulary_;  // -> id
  int32_t unk_id_ = ByteTrie::kNone;
};

Status WordLevel::build(WordLevelConfig config) {
  config_ = std::move(config);
  for (const auto& [token, id] : config_.vocabulary) {
    LW_RETURN_IF_ERROR(enter(token, id));
    if (!vocabulary_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
  }
  if (!config_.unk_token.empty()) unk_id_ = vocabulary_.find(config_.unk_token);
  LW_RETURN_IF_ERROR(enter_added_tokens(config_.added_tokens));
  return set_post_processor({config_.specials, {}});
}

/// In lower case where that is wanted.
Result<NormalizedText> WordLevel::normalize(std::string_view text, size_t offset) const {
  NormalizedText normalized;
  normalize_bert(text, static_cast<int32_t>(offset),
                 {.clean_text = false,
                  .handle_chinese_chars = false,
                  .strip_accents = false,
                  .lowercase = config_.lowercase},
                 &normalized);
  return normalized;
}

Status WordLevel::encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                                    Output* out) const {
  const std::string_view stretch = std::string_view(text.bytes).substr(0, end);
  for (size_t i = begin; i < end && !out->full();) {
    const size_t stop = piece_end(stretch, i, config_.split);
    const std::string_view piece = stretch.substr(i, stop - i);
    const bool left_out = is_left_out(stretch, i, config_.split);
    const int32_t known = left_out ? ByteTrie::kNone : vocabulary_.find(piece);
    const int32_t id = known == ByteTrie::kNone ? unk_id_ : known;
    const Span span{text.spans[i].begin, text.spans[stop - 1].end};
    i = stop;
    if (left_out) continue;
    if (id == ByteTrie::kNone) {
      const bool whole = piece.size() <= kMostShownBytes;
      return invalid_argument(
          "token '" +
          std::string(piece.substr(0, valid_utf8_prefix(piece.substr(0, kMostShownBytes)))) +
          (whole ? "'" : "...'") + " at byte " + std::to_string(span.begin) +
          " is not in the vocabulary");
    }
    out->tokens.push_back({id, span.begin, span.end});
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_wordlevel(WordLevelConfig config) {
  auto tokenizer = std::make_shared<WordLevel>();
  LW_RETURN_IF_ERROR(tokenizer->build(std::move(config)));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace lanewise::text
