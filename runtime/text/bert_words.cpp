#include "runtime/text/bert_words.hpp"

#include "base/status_macros.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {

/// Maps the bytes of a stretch of text to their origin.
struct BertWords::Origin {
  const Span* spans = nullptr;  // one per byte; null: the text itself is the origin

  int32_t begin_of(size_t byte) const noexcept {
    return spans ? spans[byte].begin : static_cast<int32_t>(byte);
  }
  /// The end of the origin of byte `end` - 1; `end` > 0.
  int32_t end_of(size_t end) const noexcept {
    return spans ? spans[end - 1].end : static_cast<int32_t>(end);
  }
};

BertWords::BertWords(const BertNormalizerOptions& normalizer, const LongestPieces& pieces)
    : normalizer_(normalizer), pieces_(pieces) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const uint8_t bits = byte < 128 ? code_point_class(byte) : 0;
    ByteKind kind = ByteKind::kWord;
    if (bits & kSpace) kind = ByteKind::kSpace;
    if (bits & kPunctuation) kind = ByteKind::kPunctuation;
    if (byte >= 128 || (bits & kRemoved && normalizer.clean_text)) kind = ByteKind::kOther;
    kinds_[byte] = kind;
    identity_[byte] = static_cast<uint8_t>(byte);
    const bool lowers = normalizer.lowercase && byte >= 'A' && byte <= 'Z';
    lower_[byte] = static_cast<uint8_t>(lowers ? byte + ('a' - 'A') : byte);
  }
}

void BertWords::encode(std::string_view text, size_t begin, size_t end, size_t budget,
                       std::vector<Token>* tokens) const {
  NormalizedText scratch;
  for (size_t i = begin; i < end && tokens->size() <= budget;) {
    size_t stop = i;
    while (stop < end && kind(text[stop]) == ByteKind::kWord) ++stop;
    if (stop < end && kind(text[stop]) == ByteKind::kOther) {
      i = encode_around_other(text, i, end, budget, &scratch, tokens);
    } else if (stop > i) {
      encode_word(text, i, stop, lower_, Origin{}, tokens);
      i = stop;
    } else {
      if (kind(text[i]) == ByteKind::kPunctuation) {
        encode_word(text, i, i + 1, identity_, Origin{}, tokens);
      }
      ++i;
    }
  }
}

/// Normalises and encodes from `begin` up to the next ASCII space or punctuation mark, at most to
/// `end`, and returns where it stopped. Stopping there is safe: both end a word, and both are
/// starters, which canonical ordering does not cross.
size_t BertWords::encode_around_other(std::string_view text, size_t begin, size_t end,
                                      size_t budget, NormalizedText* scratch,
                                      std::vector<Token>* tokens) const {
  const auto in_word = [&](size_t i) {
    return kind(text[i]) == ByteKind::kWord || kind(text[i]) == ByteKind::kOther;
  };
  size_t stop = begin;
  while (stop < end && in_word(stop)) ++stop;
  scratch->clear();
  normalize_bert(text.substr(begin, stop - begin), static_cast<int32_t>(begin), normalizer_,
                 scratch);
  encode_normalized(*scratch, 0, scratch->bytes.size(), budget, tokens);
  return stop;
}

void BertWords::encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                                  size_t budget, std::vector<Token>* tokens) const {
  const Origin origin{text.spans.data()};
  const auto word = [&](size_t from, size_t to) {
    if (from < to) encode_word(text.bytes, from, to, identity_, origin, tokens);
  };
  size_t word_begin = begin;
  for (size_t i = begin; i < end && tokens->size() <= budget;) {
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
  if (tokens->size() <= budget) word(word_begin, end);
}

/// Appends the pieces of a word of `text`, mapping its bytes through the table `fold`.
void BertWords::encode_word(std::string_view text, size_t begin, size_t end,
                            const std::array<uint8_t, 256>& fold, const Origin& origin,
                            std::vector<Token>* tokens) const {
  const size_t first_token = tokens->size();
  const auto folded = [&](uint8_t byte) { return fold[byte]; };
  const auto push = [&](int32_t id, size_t from, size_t to) {
    const bool begins = tokens->size() == first_token;
    tokens->push_back({id, origin.begin_of(from), origin.end_of(to),
                       begins ? TokenRole::kBeginsWord : TokenRole::kWithinWord});
  };
  if (pieces_.cover(text, begin, end, folded, push)) return;
  tokens->resize(first_token);
  push(pieces_.unk_id(), begin, end);
}

Result<std::unique_ptr<const BertWords>> read_bert_words(const base::JsonFields& file,
                                                         const LongestPieces* pieces) {
  const auto has = [&](const char* part, std::string_view type) {
    const base::JsonValue* found = file.value().find(part);
    const base::JsonValue* name = found ? found->find("type") : nullptr;
    return name != nullptr && name->is(type);
  };
  if (pieces == nullptr || !has("pre_tokenizer", "BertPreTokenizer") ||
      (file.has("normalizer") && !has("normalizer", "BertNormalizer"))) {
    return std::unique_ptr<const BertWords>();
  }
  BertNormalizerOptions options{false, false, false, false};
  if (file.has("normalizer")) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("normalizer"));
    LW_ASSIGN_OR_RETURN(options, bert_normalizer_from_json(fields));
  }
  return std::make_unique<const BertWords>(options, *pieces);
}

}  // namespace lanewise::text
