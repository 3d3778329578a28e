#include "runtime/text/subword_tokenizer.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "ops/status_macros.hpp"
#include "runtime/text/byte_level.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/token_table.hpp"
#include "runtime/text/utf8.hpp"
#include "runtime/text/wordpiece_json.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

// A budget that no text passes, with room for the one token more that encode_text may find.
constexpr size_t kNoLimit = std::numeric_limits<size_t>::max() - 1;

/// The tokens found so far. Once there are more than `budget` the rest of the text cannot matter.
struct Output {
  std::vector<Token> tokens;
  size_t budget;

  bool full() const noexcept { return tokens.size() > budget; }
};

bool is_blank(char32_t c) noexcept {
  return c == kByteLevelSpace || (code_point_class(c) & kSpace) != 0;
}

int leading_blanks(std::string_view token) noexcept {
  int count = 0;
  for (size_t i = 0; i < token.size(); ++count) {
    const CodePoint code_point = decode_at(token, i);
    if (!is_blank(code_point.value)) break;
    i += static_cast<size_t>(code_point.length);
  }
  return count;
}

int trailing_blanks(std::string_view token) noexcept {
  int count = 0;
  for (size_t end = token.size(); end > 0; ++count) {
    end = previous_code_point(token, end);
    if (!is_blank(decode_at(token, end).value)) break;
  }
  return count;
}

/// Takes as many code points off the offsets as `name`, the token's text, has blanks at its ends.
/// `keeps_first`: a single one at the start of a text was put there and is no part of it.
void trim(std::string_view text, std::string_view name, bool keeps_first, bool is_first,
          Token* token) {
  int leading = leading_blanks(name);
  if (leading == 1 && keeps_first && (is_first || token->begin == 0)) leading = 0;
  auto begin = static_cast<size_t>(token->begin);
  auto end = static_cast<size_t>(token->end);
  for (; leading > 0 && begin < end; --leading) {
    begin += static_cast<size_t>(decode_at(text, begin).length);
  }
  int trailing = trailing_blanks(name);
  size_t trimmed = end;
  for (; trailing > 0 && trimmed > 0; --trailing) trimmed = previous_code_point(text, trimmed);
  // Nothing is taken from a token that begins fewer characters into the text.
  if (trailing == 0) end = std::max(trimmed, begin);
  token->begin = static_cast<int32_t>(begin);
  token->end = static_cast<int32_t>(end);
}

class SubwordTokenizer final : public Tokenizer {
 public:
  Status build(SubwordParts parts);

  Result<Encoding> encode(std::string_view text, const EncodeOptions& options) const override;
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options,
                               std::vector<int32_t>* type_ids) const override;
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens) const override;
  int64_t vocabulary_size() const override { return table_.size(); }
  std::string_view token(int32_t id) const override { return table_.token(id); }
  std::optional<int32_t> id(std::string_view token) const override;
  std::string to_json() const override;

 private:
  Status index_added_token(size_t index);
  Status check_template(std::span<const TemplatePiece> pieces) const;
  Result<size_t> budget(std::span<const TemplatePiece> pieces, const EncodeOptions& options) const;
  Result<Output> encode_text(std::string_view text, size_t budget) const;
  Status encode_raw(std::string_view text, size_t begin, size_t end, Output* out) const;
  Status encode_normalized(std::string_view text, const NormalizedText& normalized, size_t begin,
                           size_t end, Output* out) const;
  size_t encode_code(std::string_view text, size_t begin, size_t end, Output* out) const;
  void push(std::string_view text, std::string_view name, Token token, Output* out) const;

  SubwordParts parts_;
  TokenTable table_;
  ByteTrie added_;  // -> index in parts_.added_tokens
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  std::unordered_set<int32_t> special_;
  int32_t unknown_code_ = ByteTrie::kNone;
  // What decode gives for added tokens that are matched by their normal form, as Hugging Face does.
  std::unordered_map<int32_t, std::string> normal_forms_;
};

Status SubwordTokenizer::build(SubwordParts parts) {
  parts_ = std::move(parts);
  for (const auto& [token, id] : parts_.model->vocabulary()) {
    LW_RETURN_IF_ERROR(table_.add(token, id));
  }
  for (size_t i = 0; i < parts_.added_tokens.size(); ++i) LW_RETURN_IF_ERROR(index_added_token(i));
  if (!parts_.leading_code.open.empty()) {
    unknown_code_ = parts_.model->id(parts_.leading_code.unk_token);
    if (unknown_code_ == ByteTrie::kNone) {
      return data_loss("leading_code: the vocabulary has no '" + parts_.leading_code.unk_token +
                       "'");
    }
  }
  LW_RETURN_IF_ERROR(check_template(parts_.post_processor.specials.single));
  return check_template(parts_.post_processor.specials.pair);
}

Status SubwordTokenizer::index_added_token(size_t index) {
  const AddedToken& token = parts_.added_tokens[index];
  const int32_t known = parts_.model->id(token.content);
  if (known != ByteTrie::kNone && known != token.id) {
    return data_loss("added token '" + token.content + "' has id " + std::to_string(token.id) +
                     ", the vocabulary gives it " + std::to_string(known));
  }
  LW_RETURN_IF_ERROR(table_.add(token.content, token.id));
  std::string pattern = token.content;
  if (token.normalized && parts_.normalizer) {
    NormalizedText normalized = unchanged_text(token.content, 0);
    LW_RETURN_IF_ERROR(parts_.normalizer->normalize(&normalized));
    pattern = std::move(normalized.bytes);
    normal_forms_[token.id] = pattern;
  }
  AddedTokenMatcher& matcher = token.normalized ? normalized_tokens_ : raw_tokens_;
  if (!matcher.add(pattern, token) || !added_.insert(token.content, static_cast<int32_t>(index))) {
    return resource_exhausted("the added tokens are too large");
  }
  if (token.special) special_.insert(token.id);
  return {};
}

Status SubwordTokenizer::check_template(std::span<const TemplatePiece> pieces) const {
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
Result<size_t> SubwordTokenizer::budget(std::span<const TemplatePiece> pieces,
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

Result<Encoding> SubwordTokenizer::encode(std::string_view text, const EncodeOptions& options) const
    try {
  const std::vector<TemplatePiece>& pieces = parts_.post_processor.specials.single;
  LW_ASSIGN_OR_RETURN(const size_t room, budget(pieces, options));
  LW_ASSIGN_OR_RETURN(Output out, encode_text(text, room));
  const bool truncated = out.tokens.size() > room;
  if (truncated) out.tokens.resize(room);
  return Encoding{apply_template(pieces, options.add_special_tokens, out.tokens, {}, nullptr),
                  truncated};
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to encode " + std::to_string(text.size()) + " bytes");
}

Result<Encoding> SubwordTokenizer::encode_pair(std::string_view first, std::string_view second,
                                               const EncodeOptions& options,
                                               std::vector<int32_t>* type_ids) const try {
  const std::vector<TemplatePiece>& pieces = parts_.post_processor.specials.pair;
  LW_ASSIGN_OR_RETURN(const size_t room, budget(pieces, options));
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
  return Encoding{apply_template(pieces, options.add_special_tokens, a.tokens, b.tokens, type_ids),
                  truncated};
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to encode " + std::to_string(first.size()) + " and " +
                            std::to_string(second.size()) + " bytes");
}

/// The tokens of a text without special tokens, at most one more than the budget.
Result<Output> SubwordTokenizer::encode_text(std::string_view text, size_t budget) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return invalid_argument("text has " + std::to_string(text.size()) +
                            " bytes, at most 2147483647 allowed");
  }
  LW_RETURN_IF_ERROR(check_utf8(text));
  Output out{{}, budget};
  Status status;
  raw_tokens_.split(text, [&](const AddedToken* token, size_t begin, size_t end) {
    if (token) {
      const auto first = static_cast<int32_t>(begin);
      push(text, text.substr(begin, end - begin), {token->id, first, static_cast<int32_t>(end)},
           &out);
    } else {
      status = encode_raw(text, begin, end, &out);
    }
    return status.ok() && !out.full();
  });
  LW_RETURN_IF_ERROR(status);
  if (out.full()) out.tokens.resize(budget + 1);
  return out;
}

/// The token of the code that text [begin, end) begins with, if any; returns where the rest begins.
size_t SubwordTokenizer::encode_code(std::string_view text, size_t begin, size_t end,
                                     Output* out) const {
  const std::string_view code =
      text.substr(begin, parts_.leading_code.length(text.substr(begin, end - begin)));
  if (code.empty()) return begin;
  const size_t rest = begin + code.size();
  const int32_t known = parts_.model->id(code);
  push(text, code,
       {known == ByteTrie::kNone ? unknown_code_ : known, static_cast<int32_t>(begin),
        static_cast<int32_t>(rest)},
       out);
  return rest;
}

/// Encodes text between added tokens that are matched before normalisation.
Status SubwordTokenizer::encode_raw(std::string_view text, size_t begin, size_t end,
                                    Output* out) const {
  begin = encode_code(text, begin, end, out);
  if (begin == end || out->full()) return {};
  NormalizedText normalized =
      unchanged_text(text.substr(begin, end - begin), static_cast<int32_t>(begin));
  if (parts_.normalizer) LW_RETURN_IF_ERROR(parts_.normalizer->normalize(&normalized));
  if (normalized_tokens_.empty()) {
    return encode_normalized(text, normalized, 0, normalized.bytes.size(), out);
  }
  Status status;
  normalized_tokens_.split(normalized.bytes, [&](const AddedToken* token, size_t from, size_t to) {
    if (token) {
      push(text, std::string_view(normalized.bytes).substr(from, to - from),
           {token->id, normalized.spans[from].begin, normalized.spans[to - 1].end}, out);
    } else {
      status = encode_normalized(text, normalized, from, to, out);
    }
    return status.ok() && !out->full();
  });
  return status;
}

/// Cuts bytes [begin, end) of normalised text into words and those into tokens.
Status SubwordTokenizer::encode_normalized(std::string_view text, const NormalizedText& normalized,
                                           size_t begin, size_t end, Output* out) const {
  if (begin == end) return {};
  Words words;
  words.text.append(normalized, begin, end);
  words.ranges.push_back({0, end - begin});
  if (parts_.pre_tokenizer) LW_RETURN_IF_ERROR(parts_.pre_tokenizer->split(&words));
  std::vector<Piece> pieces;
  LW_RETURN_IF_ERROR(parts_.model->tokenize(words.text.bytes, words.ranges,
                                            out->budget - out->tokens.size(), &pieces));
  const std::vector<Span>& spans = words.text.spans;
  for (const Piece& piece : pieces) {
    // A piece of no characters stands for a place; there is none before the first byte of all.
    const size_t last = std::max(piece.end, piece.begin + 1) - 1;
    const Span span{spans[std::min(piece.begin, spans.size() - 1)].begin,
                    spans[std::min(last, spans.size() - 1)].end};
    push(text, table_.token(piece.id), {piece.id, span.begin, span.end}, out);
  }
  return {};
}

/// Adds a token, its offsets trimmed. `name` is its text as the model has it.
void SubwordTokenizer::push(std::string_view text, std::string_view name, Token token,
                            Output* out) const {
  for (const bool keeps_first : parts_.post_processor.trims) {
    trim(text, name, keeps_first, out->tokens.empty(), &token);
  }
  out->tokens.push_back(token);
}

Result<std::string> SubwordTokenizer::decode(std::span<const int32_t> ids,
                                             bool skip_special_tokens) const try {
  std::vector<std::string> tokens;
  for (const int32_t id : ids) {
    if (id < 0) return invalid_argument("token id " + std::to_string(id) + " is negative");
    if (table_.token(id).empty() || (skip_special_tokens && special_.contains(id))) continue;
    const auto normal_form = normal_forms_.find(id);
    tokens.emplace_back(normal_form == normal_forms_.end() ? table_.token(id)
                                                           : normal_form->second);
  }
  if (parts_.decoder) LW_RETURN_IF_ERROR(parts_.decoder->decode(&tokens));
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !parts_.decoder) text += ' ';
    text += tokens[i];
  }
  return text;
} catch (const std::bad_alloc&) {
  return resource_exhausted("no memory to decode " + std::to_string(ids.size()) + " ids");
}

std::optional<int32_t> SubwordTokenizer::id(std::string_view token) const {
  const int32_t added = added_.find(token);
  if (added != ByteTrie::kNone) return parts_.added_tokens[static_cast<size_t>(added)].id;
  const int32_t id = parts_.model->id(token);
  if (id == ByteTrie::kNone) return std::nullopt;
  return id;
}

std::string SubwordTokenizer::to_json() const {
  Json file = Json::parse(parts_.json, nullptr, /*allow_exceptions=*/false);
  file["version"] = "1.0";
  file["truncation"] = nullptr;
  file["padding"] = nullptr;
  file["added_tokens"] = added_tokens_to_json(parts_.added_tokens);
  file["model"] = parts_.model->to_json();
  return file.dump();
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_subword_tokenizer(SubwordParts parts) {
  auto tokenizer = std::make_shared<SubwordTokenizer>();
  LW_RETURN_IF_ERROR(tokenizer->build(std::move(parts)));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

Result<std::shared_ptr<const Tokenizer>> subword_tokenizer_from_json(const JsonFields& file,
                                                                     SubwordModelPtr model) {
  SubwordParts parts;
  parts.model = std::move(model);
  Json kept = Json::object();
  for (const char* part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    const Json* value = file.find(part);
    kept[part] = value ? *value : Json();
  }
  if (const Json* code = file.find("leading_code")) kept["leading_code"] = *code;
  parts.json = kept.dump();
  if (file.find("normalizer")) {
    LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("normalizer"));
    LW_ASSIGN_OR_RETURN(parts.normalizer, read_normalizer(fields));
  }
  if (file.find("pre_tokenizer")) {
    LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("pre_tokenizer"));
    LW_ASSIGN_OR_RETURN(parts.pre_tokenizer, read_pre_tokenizer(fields));
  }
  if (file.find("decoder")) {
    LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("decoder"));
    LW_ASSIGN_OR_RETURN(parts.decoder, read_decoder(fields));
  }
  LW_ASSIGN_OR_RETURN(parts.post_processor, read_post_processing(file));
  LW_RETURN_IF_ERROR(added_tokens_from_json(file, &parts.added_tokens));
  LW_ASSIGN_OR_RETURN(parts.leading_code, read_leading_code(file));
  return make_subword_tokenizer(std::move(parts));
}

}  // namespace lanewise::text
