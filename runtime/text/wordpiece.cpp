#include "runtime/text/wordpiece.hpp"

#include <array>

#include "base/status_macros.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/tokenizer_base.hpp"
#include "runtime/text/utf8.hpp"
#include "runtime/text/wordpiece_decode.hpp"
#include "runtime/text/wordpiece_json.hpp"

namespace lanewise::text {
namespace {

/// What the fast path for ASCII does with a byte.
enum class ByteKind : uint8_t { kWord, kSpace, kPunctuation, kOther };

struct ByteTables {
  std::array<ByteKind, 256> kind;
  std::array<uint8_t, 256> lower;     // lowercase of ASCII if the normaliser lowercases
  std::array<uint8_t, 256> identity;  // for text that is normalised already
};

ByteTables make_byte_tables(const BertNormalizerOptions& options) {
  ByteTables tables;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const uint8_t bits = byte < 128 ? code_point_class(byte) : 0;
    ByteKind kind = ByteKind::kWord;
    if (bits & kSpace) kind = ByteKind::kSpace;
    if (bits & kPunctuation) kind = ByteKind::kPunctuation;
    if (byte >= 128 || (bits & kRemoved && options.clean_text)) kind = ByteKind::kOther;
    tables.kind[byte] = kind;
    tables.identity[byte] = static_cast<uint8_t>(byte);
    const bool lowers = options.lowercase && byte >= 'A' && byte <= 'Z';
    tables.lower[byte] = static_cast<uint8_t>(lowers ? byte + ('a' - 'A') : byte);
  }
  return tables;
}

/// Where the bytes of a stretch of text come from: an offset, or a table for normalised text.
struct Origin {
  const Span* spans;  // one a byte, or null
  int32_t offset;

  int32_t begin_of(size_t byte) const noexcept {
    return spans ? spans[byte].begin : offset + static_cast<int32_t>(byte);
  }
  /// `end` > 0 is one past the last byte.
  int32_t end_of(size_t end) const noexcept {
    return spans ? spans[end - 1].end : offset + static_cast<int32_t>(end);
  }
};

class WordPiece final : public TokenizerBase {
 public:
  Status build(WordPieceConfig config);
  std::string to_json() const override { return wordpiece_to_json(config_, *this); }

 private:
  int32_t model_id(std::string_view token) const override { return pieces_.find(token); }
  Result<NormalizedText> normalize(std::string_view text, size_t offset) const override;
  Status encode_raw(size_t begin, size_t end, Output* out) const override;
  Status encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                           Output* out) const override;
  Result<std::string> join_tokens(std::span<const std::string_view> tokens) const override {
    return decode_wordpiece(tokens, config_.decoder);
  }

  size_t encode_around_other(size_t begin, size_t end, NormalizedText* scratch, Output* out) const;
  void encode_words(const NormalizedText& text, size_t begin, size_t end, Output* out) const;
  void encode_word(std::string_view text, size_t begin, size_t end,
                   const std::array<uint8_t, 256>& fold, const Origin& origin, Output* out) const;

  WordPieceConfig config_;
  ByteTables bytes_;
  LongestPieces pieces_;
};

Status WordPiece::build(WordPieceConfig config) {
  config_ = std::move(config);
  bytes_ = make_byte_tables(config_.normalizer);
  for (const auto& [token, id] : config_.vocabulary) LW_RETURN_IF_ERROR(enter(token, id));
  LW_RETURN_IF_ERROR(pieces_.build(config_));
  LW_RETURN_IF_ERROR(enter_added_tokens(config_.added_tokens));
  return set_post_processor({config_.specials, {}, config_.truncates_left});
}

Result<NormalizedText> WordPiece::normalize(std::string_view text, size_t offset) const {
  NormalizedText normalized;
  normalize_bert(text, static_cast<int32_t>(offset), config_.normalizer, &normalized);
  return normalized;
}

/// Encodes ASCII words in place, and normalises only what stands around other bytes; the whole
/// where added tokens are matched in normalised text, since those may stand across words.
Status WordPiece::encode_raw(size_t begin, size_t end, Output* out) const {
  if (has_normalized_added_tokens()) return TokenizerBase::encode_raw(begin, end, out);
  const std::string_view text = out->text;
  const auto kind = [&](size_t i) { return bytes_.kind[static_cast<uint8_t>(text[i])]; };
  NormalizedText scratch;
  for (size_t i = begin; i < end && !out->full();) {
    size_t stop = i;
    while (stop < end && kind(stop) == ByteKind::kWord) ++stop;
    if (stop < end && kind(stop) == ByteKind::kOther) {
      i = encode_around_other(i, end, &scratch, out);
    } else if (stop > i) {
      encode_word(text, i, stop, bytes_.lower, Origin{nullptr, 0}, out);
      i = stop;
    } else {
      if (kind(i) == ByteKind::kPunctuation) {
        encode_word(text, i, i + 1, bytes_.identity, Origin{nullptr, 0}, out);
      }
      ++i;
    }
  }
  return {};
}

/// Normalises and encodes from `begin` up to the next ASCII space or punctuation mark, at most to
/// `end`, and returns where it stopped. Neither changes anything before it: both end a word, and
/// are starters, which canonical ordering does not cross.
size_t WordPiece::encode_around_other(size_t begin, size_t end, NormalizedText* scratch,
                                      Output* out) const {
  const std::string_view text = out->text;
  const auto in_word = [&](size_t i) {
    const ByteKind kind = bytes_.kind[static_cast<uint8_t>(text[i])];
    return kind == ByteKind::kWord || kind == ByteKind::kOther;
  };
  size_t stop = begin;
  while (stop < end && in_word(stop)) ++stop;
  scratch->clear();
  normalize_bert(text.substr(begin, stop - begin), static_cast<int32_t>(begin), config_.normalizer,
                 scratch);
  encode_words(*scratch, 0, scratch->bytes.size(), out);
  return stop;
}

Status WordPiece::encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                                    Output* out) const {
  encode_words(text, begin, end, out);
  return {};
}

/// Cuts normalised text at white space and around punctuation, and encodes the words.
void WordPiece::encode_words(const NormalizedText& text, size_t begin, size_t end,
                             Output* out) const {
  const Origin origin{text.spans.data(), 0};
  const auto word = [&](size_t from, size_t to) {
    if (from < to) encode_word(text.bytes, from, to, bytes_.identity, origin, out);
  };
  size_t word_begin = begin;
  for (size_t i = begin; i < end && !out->full();) {
    const CodePoint code_point = decode_at(text.bytes, i);
    const size_t next = i + static_cast<size_t>(code_point.length);
    const uint8_t bits = code_point_class(code_point.value);
    if (bits & (kSpace | kPunctuation)) {
      word(word_begin, i);
      if (bits & kPunctuation) word(i, next);
      word_begin = next;
    }
    i = next;
  }
  if (!out->full()) word(word_begin, end);
}

/// The pieces of a word of `text`, whose bytes go through the table `fold` on their way.
void WordPiece::encode_word(std::string_view text, size_t begin, size_t end,
                            const std::array<uint8_t, 256>& fold, const Origin& origin,
                            Output* out) const {
  const size_t first_token = out->tokens.size();
  const auto folded = [&](uint8_t byte) { return fold[byte]; };
  const auto push = [&](int32_t id, size_t from, size_t to) {
    out->tokens.push_back({id, origin.begin_of(from), origin.end_of(to)});
  };
  if (pieces_.cover(text, begin, end, folded, push)) return;
  out->tokens.resize(first_token);
  push(pieces_.unk_id(), begin, end);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_wordpiece(WordPieceConfig config) {
  auto tokenizer = std::make_shared<WordPiece>();
  LW_RETURN_IF_ERROR(tokenizer->build(std::move(config)));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace lanewise::text
