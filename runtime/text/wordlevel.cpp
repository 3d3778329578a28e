#include "runtime/text/wordlevel.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <unordered_map>

#include "ops/status_macros.hpp"
#include "runtime/text/bert_normalizer.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"
#include "runtime/text/wordlevel_json.hpp"

namespace lanewise::text {
namespace {

// The limits of WordPiece (wordpiece.cpp), for the same reasons.
constexpr int32_t kMaxId = (1 << 22) - 1;
constexpr size_t kMaxTokenBytes = 1024;
constexpr size_t kNoLimit = std::numeric_limits<size_t>::max() - 1;
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

/// The tokens found so far. Once there are more than `budget` the rest of the text cannot matter.
struct Output {
  std::vector<Token> tokens;
  size_t budget;

  bool full() const noexcept { return tokens.size() > budget; }
};

class WordLevel final : public Tokenizer {
 public:
  Status build(WordLevelConfig config);

  Result<Encoding> encode(std::string_view text, const EncodeOptions& options) const override;
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options,
                               std::vector<int32_t>* type_ids) const override;
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens) const override;
  int64_t vocabulary_size() const override { return static_cast<int64_t>(by_id_.size()); }
  std::string_view token(int32_t id) const override;
  std::optional<int32_t> id(std::string_view token) const override;
  std::string to_json() const override { return wordlevel_to_json(config_, *this); }

 private:
  Status add_entry(std::string_view token, int32_t id);
  Status index_added_tokens();
  Status check_template(std::span<const TemplatePiece> pieces) const;
  NormalizedText normalize(std::string_view text, size_t offset) const;

  Result<size_t> budget(std::span<const TemplatePiece> pieces, const EncodeOptions& options) const;
  Result<Output> encode_text(std::string_view text, size_t budget) const;
  Status encode_stretch(const NormalizedText& text, Output* out) const;
  Status encode_pieces(const NormalizedText& text, size_t begin, size_t end, Output* out) const;

  WordLevelConfig config_;
  ByteTrie vocabulary_;  // -> id, of the model's own tokens
  ByteTrie added_;       // -> index in config_.added_tokens
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  std::vector<std::string_view> by_id_;  // into config_
  std::vector<bool> special_;            // by id
  // What decode gives for added tokens that are matched by their normal form, as Hugging Face does.
  std::unordered_map<int32_t, std::string> normal_forms_;
  int32_t unk_id_ = ByteTrie::kNone;
};

Status WordLevel::build(WordLevelConfig config) {
  config_ = std::move(config);
  for (const auto& [token, id] : config_.vocabulary) {
    LW_RETURN_IF_ERROR(add_entry(token, id));
    if (!vocabulary_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
  }
  if (!config_.unk_token.empty()) unk_id_ = vocabulary_.find(config_.unk_token);
  LW_RETURN_IF_ERROR(index_added_tokens());
  LW_RETURN_IF_ERROR(check_template(config_.specials.single));
  return check_template(config_.specials.pair);
}

/// Enters a token into the table by id; entering the same again is fine.
Status WordLevel::add_entry(std::string_view token, int32_t id) {
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

Status WordLevel::index_added_tokens() {
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
      pattern = normalize(token.content, 0).bytes;
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

Status WordLevel::check_template(std::span<const TemplatePiece> pieces) const {
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

/// `text`, whose first byte is byte `offset` of the caller's, in lower case where that is wanted.
NormalizedText WordLevel::normalize(std::string_view text, size_t offset) const {
  NormalizedText normalized;
  normalize_bert(text, static_cast<int32_t>(offset),
                 {.clean_text = false,
                  .handle_chinese_chars = false,
                  .strip_accents = false,
                  .lowercase = config_.lowercase},
                 &normalized);
  return normalized;
}

/// How many tokens of text the options leave room for.
Result<size_t> WordLevel::budget(std::span<const TemplatePiece> pieces,
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

Result<Encoding> WordLevel::encode(std::string_view text, const EncodeOptions& options) const try {
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

Result<Encoding> WordLevel::encode_pair(std::string_view first, std::string_view second,
                                        const EncodeOptions& options,
                                        std::vector<int32_t>* type_ids) const try {
  LW_ASSIGN_OR_RETURN(const size_t room, budget(config_.specials.pair, options));
  LW_ASSIGN_OR_RETURN(Output a, encode_text(first, kNoLimit));
  LW_ASSIGN_OR_RETURN(Output b, encode_text(second, kNoLimit));
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
Result<Output> WordLevel::encode_text(std::string_view text, size_t budget) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return invalid_argument("text has " + std::to_string(text.size()) +
                            " bytes, at most 2147483647 allowed");
  }
  LW_RETURN_IF_ERROR(check_utf8(text));
  Output out{{}, budget};
  Status status;
  raw_tokens_.split(text, [&](const AddedToken* token, size_t begin, size_t end) {
    if (token) {
      out.tokens.push_back({token->id, static_cast<int32_t>(begin), static_cast<int32_t>(end)});
    } else {
      status = encode_stretch(normalize(text.substr(begin, end - begin), begin), &out);
    }
    return status.ok() && !out.full();
  });
  LW_RETURN_IF_ERROR(status);
  if (out.full()) out.tokens.resize(budget + 1);
  return out;
}

/// Encodes text between added tokens that are matched before normalisation.
Status WordLevel::encode_stretch(const NormalizedText& text, Output* out) const {
  Status status;
  normalized_tokens_.split(text.bytes, [&](const AddedToken* token, size_t begin, size_t end) {
    if (token) {
      out->tokens.push_back({token->id, text.spans[begin].begin, text.spans[end - 1].end});
    } else {
      status = encode_pieces(text, begin, end, out);
    }
    return status.ok() && !out->full();
  });
  return status;
}

Status WordLevel::encode_pieces(const NormalizedText& text, size_t begin, size_t end,
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

Result<std::string> WordLevel::decode(std::span<const int32_t> ids, bool skip_special_tokens) const
    try {
  std::string text;
  bool first = true;
  for (const int32_t id : ids) {
    if (id < 0) return invalid_argument("token id " + std::to_string(id) + " is negative");
    const auto index = static_cast<size_t>(id);
    if (index >= by_id_.size() || by_id_[index].empty()) continue;
    if (skip_special_tokens && index < special_.size() && special_[index]) continue;
    if (!first && !config_.fuse) text += ' ';
    first = false;
    const auto normal_form = normal_forms_.find(id);
    text += normal_form == normal_forms_.end() ? by_id_[index] : normal_form->second;
  }
  return text;
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to decode " + std::to_string(ids.size()) + " ids");
}

std::string_view WordLevel::token(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= by_id_.size()) return {};
  return by_id_[static_cast<size_t>(id)];
}

std::optional<int32_t> WordLevel::id(std::string_view token) const {
  const int32_t added = added_.find(token);
  if (added != ByteTrie::kNone) return config_.added_tokens[static_cast<size_t>(added)].id;
  const int32_t id = vocabulary_.find(token);
  if (id == ByteTrie::kNone) return std::nullopt;
  return id;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_wordlevel(WordLevelConfig config) {
  auto tokenizer = std::make_shared<WordLevel>();
  LW_RETURN_IF_ERROR(tokenizer->build(std::move(config)));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace lanewise::text
