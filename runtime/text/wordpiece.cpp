#include "runtime/text/wordpiece.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <unordered_map>

#include "ops/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"
#include "runtime/text/wordpiece_decode.hpp"
#include "runtime/text/wordpiece_json.hpp"

namespace lanewise::text {
namespace {

// The largest vocabularies in use have 256 thousand tokens to a million; a table by id of this size
// takes 32 MB, which is what a file of a few bytes may make us allocate.
constexpr int32_t kMaxId = (1 << 22) - 1;

// A step of the search for the longest token walks at most this far, so that a file cannot make
// encoding quadratic. The longest token of published vocabularies has under 400 bytes.
constexpr size_t kMaxTokenBytes = 1024;

// A budget that no text passes, with room for the one token more that encode_text may find.
constexpr size_t kNoLimit = std::numeric_limits<size_t>::max() - 1;

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

/// The tokens found so far. Once there are more than `budget` the rest of the text cannot matter.
struct Output {
  std::vector<Token> tokens;
  size_t budget;

  bool full() const noexcept { return tokens.size() > budget; }
};

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

bool longer_than(std::string_view word, int64_t code_points) noexcept {
  if (word.size() <= static_cast<size_t>(code_points)) return false;
  const auto starts = std::count_if(
      word.begin(), word.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
  return starts > code_points;
}

class WordPiece final : public Tokenizer {
 public:
  /// Builds the tables of `config`, which make_wordpiece's checks then read.
  Status build(WordPieceConfig config);

  Result<Encoding> encode(std::string_view text, const EncodeOptions& options) const override;
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options,
                               std::vector<int32_t>* type_ids) const override;
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens) const override;
  int64_t vocabulary_size() const override { return static_cast<int64_t>(by_id_.size()); }
  std::string_view token(int32_t id) const override;
  std::optional<int32_t> id(std::string_view token) const override;
  std::string to_json() const override { return wordpiece_to_json(config_, *this); }

 private:
  Status add_entry(std::string_view token, int32_t id);
  Status index_vocabulary();
  Status index_added_tokens();
  Status check_template(std::span<const TemplatePiece> pieces) const;

  Result<size_t> budget(std::span<const TemplatePiece> pieces, const EncodeOptions& options) const;
  Result<Output> encode_text(std::string_view text, size_t budget) const;
  void encode_raw(std::string_view text, size_t begin, size_t end, Output* out) const;
  void encode_ascii_first(std::string_view text, size_t begin, size_t end, Output* out) const;
  size_t encode_around_other(std::string_view text, size_t begin, size_t end,
                             NormalizedText* scratch, Output* out) const;
  void encode_normalized(const NormalizedText& text, size_t begin, size_t end, Output* out) const;
  void encode_with_normalized_tokens(const NormalizedText& text, Output* out) const;
  void encode_word(std::string_view text, size_t begin, size_t end,
                   const std::array<uint8_t, 256>& fold, const Origin& origin, Output* out) const;

  WordPieceConfig config_;
  ByteTables bytes_;
  ByteTrie vocabulary_;  // -> id, of the model's own tokens
  ByteTrie added_;       // -> index in config_.added_tokens
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  std::vector<std::string_view> by_id_;  // into config_
  std::vector<bool> special_;            // by id
  // What decode gives for added tokens that are matched by their normal form, as Hugging Face does.
  std::unordered_map<int32_t, std::string> normal_forms_;
  int32_t unk_id_ = 0;
  int32_t continuing_ = ByteTrie::kNone;  // the node of the prefix of continuing pieces
};

Status WordPiece::build(WordPieceConfig config) {
  config_ = std::move(config);
  bytes_ = make_byte_tables(config_.normalizer);
  LW_RETURN_IF_ERROR(index_vocabulary());
  LW_RETURN_IF_ERROR(index_added_tokens());
  LW_RETURN_IF_ERROR(check_template(config_.specials.single));
  return check_template(config_.specials.pair);
}

/// Enters a token into the table by id; entering the same again is fine.
Status WordPiece::add_entry(std::string_view token, int32_t id) {
  if (id < 0 || id > kMaxId) {
    return resource_exhausted("token '" + std::string(token) + "': id " + std::to_string(id) +
                              " is not between 0 and " + std::to_string(kMaxId));
  }
  if (token.size() > kMaxTokenBytes) {
    return resource_exhausted("token " + std::to_string(id) + ": " + std::to_string(token.size()) +
                              " bytes, at most " + std::to_string(kMaxTokenBytes) + " allowed");
  }
  if (static_cast<size_t>(id) >= by_id_.size()) by_id_.resize(static_cast<size_t>(id) + 1);
  std::string_view& entry = by_id_[static_cast<size_t>(id)];
  if (!entry.empty() && entry != token) {
    return data_loss("tokens '" + std::string(entry) + "' and '" + std::string(token) +
                     "' have the same id " + std::to_string(id));
  }
  entry = token;
  return {};
}

Status WordPiece::index_vocabulary() {
  for (const auto& [token, id] : config_.vocabulary) {
    LW_RETURN_IF_ERROR(add_entry(token, id));
    if (!vocabulary_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
  }
  unk_id_ = vocabulary_.find(config_.unk_token);
  if (unk_id_ == ByteTrie::kNone) {
    return data_loss("unk_token '" + config_.unk_token + "' is not in the vocabulary");
  }
  continuing_ = vocabulary_.walk(config_.continuing_subword_prefix);
  return {};
}

Status WordPiece::index_added_tokens() {
  for (size_t i = 0; i < config_.added_tokens.size(); ++i) {
    const AddedToken& token = config_.added_tokens[i];
    const int32_t known = vocabulary_.find(token.content);
    if (known != ByteTrie::kNone && known != token.id) {
      return data_loss("added token '" + token.content + "' has id " + std::to_string(token.id) +
                       ", the vocabulary gives it " + std::to_string(known));
    }
    LW_RETURN_IF_ERROR(add_entry(token.content, token.id));
    std::string pattern = token.content;
    if (token.normalized) {
      NormalizedText normalized;
      normalize_bert(token.content, 0, config_.normalizer, &normalized);
      pattern = std::move(normalized.bytes);
      normal_forms_[token.id] = pattern;
    }
    AddedTokenMatcher& matcher = token.normalized ? normalized_tokens_ : raw_tokens_;
    if (!matcher.add(pattern, token) || !added_.insert(token.content, static_cast<int32_t>(i))) {
      return resource_exhausted("the added tokens are too large");
    }
    if (!token.special) continue;
    special_.resize(std::max(special_.size(), static_cast<size_t>(token.id) + 1));
    special_[static_cast<size_t>(token.id)] = true;
  }
  return {};
}

Status WordPiece::check_template(std::span<const TemplatePiece> pieces) const {
  for (const TemplatePiece& piece : pieces) {
    for (const int32_t id : piece.ids) {
      if (token(id).empty()) {
        return data_loss("special token '" + piece.name + "': no token has its id " +
                         std::to_string(id));
      }
    }
  }
  return {};
}

/// How many tokens of text the options leave room for.
Result<size_t> WordPiece::budget(std::span<const TemplatePiece> pieces,
                                 const EncodeOptions& options) const {
  if (options.max_length == 0) return kNoLimit;
  const int64_t specials = options.add_special_tokens ? special_count(pieces) : 0;
  if (options.max_length < specials) {
    return invalid_argument("max_length " + std::to_string(options.max_length) +
                            " has no room for " + std::to_string(specials) + " special tokens");
  }
  if (options.max_length < 0) return invalid_argument("max_length is negative");
  return static_cast<size_t>(options.max_length - specials);
}

Result<Encoding> WordPiece::encode(std::string_view text, const EncodeOptions& options) const try {
  LW_ASSIGN_OR_RETURN(const size_t room, budget(config_.specials.single, options));
  LW_ASSIGN_OR_RETURN(Output out, encode_text(text, room));
  const bool truncated = out.tokens.size() > room;
  if (truncated) out.tokens.resize(room);
  return Encoding{
      apply_template(config_.specials.single, options.add_special_tokens, out.tokens, {}, nullptr),
      truncated};
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to encode " + std::to_string(text.size()) + " bytes");
}

Result<Encoding> WordPiece::encode_pair(std::string_view first, std::string_view second,
                                        const EncodeOptions& options,
                                        std::vector<int32_t>* type_ids) const try {
  LW_ASSIGN_OR_RETURN(const size_t room, budget(config_.specials.pair, options));
  LW_ASSIGN_OR_RETURN(Output a, encode_text(first, room));
  LW_ASSIGN_OR_RETURN(Output b, encode_text(second, room));
  // encode_text stops at one token over the room. Lengths beyond it matter only where both texts
  // are longer than an odd room: the longer one gets the odd token.
  if (a.full() && b.full() && room % 2 != 0) {
    LW_ASSIGN_OR_RETURN(a, encode_text(first, kNoLimit));
    LW_ASSIGN_OR_RETURN(b, encode_text(second, kNoLimit));
  }
  const PairLengths lengths = truncate_longest_first(a.tokens.size(), b.tokens.size(), room);
  const bool truncated = lengths.first < a.tokens.size() || lengths.second < b.tokens.size();
  a.tokens.resize(lengths.first);
  b.tokens.resize(lengths.second);
  if (type_ids) type_ids->clear();
  return Encoding{apply_template(config_.specials.pair, options.add_special_tokens, a.tokens,
                                 b.tokens, type_ids),
                  truncated};
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to encode " + std::to_string(first.size()) + " and " +
                            std::to_string(second.size()) + " bytes");
}

/// The tokens of a text without special tokens, at most one more than the budget.
Result<Output> WordPiece::encode_text(std::string_view text, size_t budget) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return invalid_argument("text has " + std::to_string(text.size()) +
                            " bytes, at most 2147483647 allowed");
  }
  LW_RETURN_IF_ERROR(check_utf8(text));
  Output out{{}, budget};
  // English takes 4.5 bytes a token.
  out.tokens.reserve(std::min(text.size() / 4 + 8, std::min(budget, text.size()) + 1));
  raw_tokens_.split(text, [&](const AddedToken* token, size_t begin, size_t end) {
    if (token) {
      out.tokens.push_back({token->id, static_cast<int32_t>(begin), static_cast<int32_t>(end)});
    } else {
      encode_raw(text, begin, end, &out);
    }
    return !out.full();
  });
  if (out.full()) out.tokens.resize(budget + 1);
  return out;
}

/// Encodes text between added tokens that are matched before normalisation.
void WordPiece::encode_raw(std::string_view text, size_t begin, size_t end, Output* out) const {
  if (normalized_tokens_.empty()) return encode_ascii_first(text, begin, end, out);
  NormalizedText normalized;
  normalize_bert(text.substr(begin, end - begin), static_cast<int32_t>(begin), config_.normalizer,
                 &normalized);
  encode_with_normalized_tokens(normalized, out);
}

void WordPiece::encode_with_normalized_tokens(const NormalizedText& text, Output* out) const {
  const Origin origin{text.spans.data(), 0};
  normalized_tokens_.split(text.bytes, [&](const AddedToken* token, size_t begin, size_t end) {
    if (token) {
      out->tokens.push_back({token->id, origin.begin_of(begin), origin.end_of(end)});
    } else {
      encode_normalized(text, begin, end, out);
    }
    return !out->full();
  });
}

/// Encodes ASCII words in place, and normalises only what stands around other bytes.
void WordPiece::encode_ascii_first(std::string_view text, size_t begin, size_t end,
                                   Output* out) const {
  const auto kind = [&](size_t i) { return bytes_.kind[static_cast<uint8_t>(text[i])]; };
  NormalizedText scratch;
  for (size_t i = begin; i < end && !out->full();) {
    size_t stop = i;
    while (stop < end && kind(stop) == ByteKind::kWord) ++stop;
    if (stop < end && kind(stop) == ByteKind::kOther) {
      i = encode_around_other(text, i, end, &scratch, out);
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
}

/// Normalises and encodes from `begin` up to the next ASCII space or punctuation mark, at most to
/// `end`, and returns where it stopped. Neither changes anything before it: both end a word, and
/// are starters, which canonical ordering does not cross.
size_t WordPiece::encode_around_other(std::string_view text, size_t begin, size_t end,
                                      NormalizedText* scratch, Output* out) const {
  const auto in_word = [&](size_t i) {
    const ByteKind kind = bytes_.kind[static_cast<uint8_t>(text[i])];
    return kind == ByteKind::kWord || kind == ByteKind::kOther;
  };
  size_t stop = begin;
  while (stop < end && in_word(stop)) ++stop;
  scratch->clear();
  normalize_bert(text.substr(begin, stop - begin), static_cast<int32_t>(begin), config_.normalizer,
                 scratch);
  encode_normalized(*scratch, 0, scratch->bytes.size(), out);
  return stop;
}

/// Cuts normalised text at white space and around punctuation, and encodes the words.
void WordPiece::encode_normalized(const NormalizedText& text, size_t begin, size_t end,
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

/// Greedy longest match: the longest token that the word starts with, then again behind it with the
/// prefix of continuing pieces. If the word cannot be covered so, it is unknown as a whole.
void WordPiece::encode_word(std::string_view text, size_t begin, size_t end,
                            const std::array<uint8_t, 256>& fold, const Origin& origin,
                            Output* out) const {
  const size_t first_token = out->tokens.size();
  bool known = !longer_than(text.substr(begin, end - begin), config_.max_input_chars_per_word);
  for (size_t start = begin; known && start < end;) {
    int32_t node = start == begin ? ByteTrie::kRoot : continuing_;
    int32_t id = ByteTrie::kNone;
    size_t piece_end = start;
    for (size_t i = start; i < end && node != ByteTrie::kNone;) {
      node = vocabulary_.child(node, fold[static_cast<uint8_t>(text[i++])]);
      if (node == ByteTrie::kNone || vocabulary_.value(node) == ByteTrie::kNone) continue;
      id = vocabulary_.value(node);
      piece_end = i;
    }
    known = id != ByteTrie::kNone;
    if (known) out->tokens.push_back({id, origin.begin_of(start), origin.end_of(piece_end)});
    start = piece_end;
  }
  if (known) return;
  out->tokens.resize(first_token);
  out->tokens.push_back({unk_id_, origin.begin_of(begin), origin.end_of(end)});
}

Result<std::string> WordPiece::decode(std::span<const int32_t> ids, bool skip_special_tokens) const
    try {
  std::vector<std::string_view> tokens;
  for (const int32_t id : ids) {
    if (id < 0) return invalid_argument("token id " + std::to_string(id) + " is negative");
    const auto index = static_cast<size_t>(id);
    if (index >= by_id_.size() || by_id_[index].empty()) continue;
    if (skip_special_tokens && index < special_.size() && special_[index]) continue;
    const auto normal_form = normal_forms_.find(id);
    tokens.push_back(normal_form == normal_forms_.end() ? by_id_[index] : normal_form->second);
  }
  return decode_wordpiece(tokens, config_.decoder);
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to decode " + std::to_string(ids.size()) + " ids");
}

std::string_view WordPiece::token(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= by_id_.size()) return {};
  return by_id_[static_cast<size_t>(id)];
}

std::optional<int32_t> WordPiece::id(std::string_view token) const {
  const int32_t added = added_.find(token);
  if (added != ByteTrie::kNone) return config_.added_tokens[static_cast<size_t>(added)].id;
  const int32_t id = vocabulary_.find(token);
  if (id == ByteTrie::kNone) return std::nullopt;
  return id;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_wordpiece(WordPieceConfig config) {
  auto tokenizer = std::make_shared<WordPiece>();
  LW_RETURN_IF_ERROR(tokenizer->build(std::move(config)));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace lanewise::text
