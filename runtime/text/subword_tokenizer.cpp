#include "runtime/text/subword_tokenizer.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_text.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/tokenizer_base.hpp"
#include "runtime/text/tokenizer_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

using Json = base::JsonTree;

// Messages show at most this much of an unknown piece.
constexpr size_t kMostShownBytes = 40;

Status unknown(std::string_view text, const Piece& piece, const Span& span) {
  const std::string_view whole = text.substr(piece.begin, piece.end - piece.begin);
  const std::string_view shown = whole.substr(0, kMostShownBytes);
  return invalid_argument("token '" + std::string(shown.substr(0, valid_utf8_prefix(shown))) +
                          (shown.size() == whole.size() ? "'" : "...'") + " at byte " +
                          std::to_string(span.begin) + " is not in the vocabulary");
}

/// `next_word`: the first of `words` that begins after the pieces before. Not all words have pieces.
TokenRole role_of(const Piece& piece, std::span<const Range> words, size_t* next_word) {
  bool begins = false;
  while (*next_word < words.size() && words[*next_word].begin <= piece.begin) {
    begins = true;
    ++*next_word;
  }
  return begins ? TokenRole::kBeginsWord : TokenRole::kWithinWord;
}

class SubwordTokenizer final : public TokenizerBase {
 public:
  Status build(SubwordParts parts);
  std::string to_json() const override;

 private:
  int32_t model_id(std::string_view token) const override { return parts_.model->id(token); }
  Result<NormalizedText> normalize(std::string_view text, size_t offset) const override;
  Status encode_raw(size_t begin, size_t end, Output* out) const override;
  Status encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                           Output* out) const override;
  Result<std::string> join_tokens(std::span<const std::string_view> tokens) const override;
  Result<std::string> bytes_of(std::string_view token, TokenPlace place) const override;
  bool reads_pairs_whole() const override { return parts_.model->refuses_unknown(); }

  Status find_unknown_code();
  size_t encode_code(size_t begin, size_t end, Output* out) const;

  SubwordParts parts_;
  int32_t unknown_code_ = ByteTrie::kNone;
};

Status SubwordTokenizer::build(SubwordParts parts) {
  parts_ = std::move(parts);
  for (const auto& [token, id] : parts_.model->vocabulary()) LW_RETURN_IF_ERROR(enter(token, id));
  LW_RETURN_IF_ERROR(enter_added_tokens(parts_.added_tokens));
  LW_RETURN_IF_ERROR(find_unknown_code());
  return set_post_processor(parts_.post_processor);
}

Status SubwordTokenizer::find_unknown_code() {
  if (parts_.leading_code.open.empty()) return {};
  unknown_code_ = parts_.model->id(parts_.leading_code.unk_token);
  if (unknown_code_ != ByteTrie::kNone) return {};
  return data_loss("leading_code: the vocabulary has no '" + parts_.leading_code.unk_token + "'");
}

Result<NormalizedText> SubwordTokenizer::normalize(std::string_view text, size_t offset) const {
  NormalizedText normalized = unchanged_text(text, static_cast<int32_t>(offset));
  if (parts_.normalizer) LW_RETURN_IF_ERROR(parts_.normalizer->normalize(&normalized));
  return normalized;
}

/// Appends the token of the language code at the start of text [begin, end), if any; returns where
/// the rest begins.
size_t SubwordTokenizer::encode_code(size_t begin, size_t end, Output* out) const {
  const std::string_view stretch = out->text.substr(begin, end - begin);
  const std::string_view code = stretch.substr(0, parts_.leading_code.length(stretch));
  if (code.empty()) return begin;
  const size_t rest = begin + code.size();
  const int32_t known = parts_.model->id(code);
  push(code,
       {known == ByteTrie::kNone ? unknown_code_ : known, static_cast<int32_t>(begin),
        static_cast<int32_t>(rest)},
       out);
  return rest;
}

Status SubwordTokenizer::encode_raw(size_t begin, size_t end, Output* out) const {
  begin = encode_code(begin, end, out);
  if (begin == end || out->full()) return {};
  // Added tokens that are matched in normalised text may cross word boundaries.
  if (!parts_.bert_words || has_normalized_added_tokens()) {
    return TokenizerBase::encode_raw(begin, end, out);
  }
  parts_.bert_words->encode(out->text, begin, end, out->budget, &out->tokens);
  return {};
}

/// Splits bytes [begin, end) of normalised text into words and those into tokens.
Status SubwordTokenizer::encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                                           Output* out) const {
  if (begin == end) return {};
  if (parts_.bert_words) {
    parts_.bert_words->encode_normalized(text, begin, end, out->budget, &out->tokens);
    return {};
  }
  Words words;
  words.text.append(text, begin, end);
  words.ranges.push_back({0, end - begin});
  if (parts_.pre_tokenizer) LW_RETURN_IF_ERROR(parts_.pre_tokenizer->split(&words));
  std::vector<Piece> pieces;
  LW_RETURN_IF_ERROR(parts_.model->tokenize(words.text.bytes, words.ranges,
                                            out->budget - out->tokens.size(), &pieces));
  const std::vector<Span>& spans = words.text.spans;
  size_t next_word = 0;
  for (const Piece& piece : pieces) {
    const TokenRole role = role_of(piece, words.ranges, &next_word);
    // An empty piece stands for a position; byte 0 has no byte before it.
    const size_t last = std::max(piece.end, piece.begin + 1) - 1;
    const Span span{spans[std::min(piece.begin, spans.size() - 1)].begin,
                    spans[std::min(last, spans.size() - 1)].end};
    if (piece.id == ByteTrie::kNone) return unknown(words.text.bytes, piece, span);
    push(token(piece.id), {piece.id, span.begin, span.end, role}, out);
  }
  return {};
}

Result<std::string> SubwordTokenizer::join_tokens(std::span<const std::string_view> tokens) const {
  if (!parts_.decoder) return join(tokens, " ");
  std::vector<std::string> decoded(tokens.begin(), tokens.end());
  LW_RETURN_IF_ERROR(parts_.decoder->decode(&decoded));
  std::string text;
  for (const std::string& part : decoded) text += part;
  return text;
}

Result<std::string> SubwordTokenizer::bytes_of(std::string_view token, TokenPlace place) const {
  TokenBytes decoded{std::string(token), place == TokenPlace::kFirst};
  if (parts_.decoder) {
    LW_RETURN_IF_ERROR(parts_.decoder->decode_one(&decoded));
  } else if (!decoded.first) {
    decoded.bytes.insert(0, 1, ' ');
  }
  return std::move(decoded.bytes);
}

std::string SubwordTokenizer::to_json() const {
  Json file = bare_tokenizer_json(parts_.added_tokens);
  const Result<base::JsonDocument> parts = base::parse_json(parts_.json, parts_.json.size());
  for (const auto& [name, part] : parts->root().members()) file.set(name, Json::of(part));
  if (parts_.post_processor.truncates_left) {
    file.set("truncation", Json::object({{"direction", "Left"}}));
  }
  if (parts_.bert_words) {  // In one form, however the file said it.
    const auto token_of = [this](int32_t id) { return token(id); };
    file.set("normalizer", bert_normalizer_to_json(parts_.bert_words->normalizer()));
    file.set("post_processor", template_to_json(parts_.post_processor.specials, token_of));
  }
  file.set("model", parts_.model->to_json());
  return sorted_text(std::move(file));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_subword_tokenizer(SubwordParts parts) {
  auto tokenizer = std::make_shared<SubwordTokenizer>();
  LW_RETURN_IF_ERROR(tokenizer->build(std::move(parts)));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

Result<std::shared_ptr<const Tokenizer>> subword_tokenizer_from_json(const base::JsonFields& file,
                                                                     SubwordModelPtr model) {
  SubwordParts parts;
  parts.model = std::move(model);
  // As text, which outlives the document and is smaller than a tree.
  for (const char* part :
       {"normalizer", "pre_tokenizer", "post_processor", "decoder", "leading_code"}) {
    const base::JsonValue* value = file.find(part);
    if (value == nullptr) continue;
    parts.json.append(parts.json.empty() ? "{\"" : ",\"").append(part).append("\":");
    parts.json += base::json_text(*value);
  }
  parts.json += parts.json.empty() ? "{}" : "}";
  if (file.find("normalizer")) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("normalizer"));
    LW_ASSIGN_OR_RETURN(parts.normalizer, read_normalizer(fields));
  }
  if (file.find("pre_tokenizer")) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("pre_tokenizer"));
    LW_ASSIGN_OR_RETURN(parts.pre_tokenizer, read_pre_tokenizer(fields));
  }
  if (file.find("decoder")) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("decoder"));
    LW_ASSIGN_OR_RETURN(parts.decoder, read_decoder(fields));
  }
  LW_ASSIGN_OR_RETURN(parts.post_processor, read_post_processing(file));
  // BertWords does not trim offsets.
  if (parts.post_processor.trims.empty()) {
    LW_ASSIGN_OR_RETURN(parts.bert_words, read_bert_words(file, parts.model->longest_pieces()));
  }
  LW_RETURN_IF_ERROR(added_tokens_from_json(file, &parts.added_tokens));
  LW_ASSIGN_OR_RETURN(parts.leading_code, read_leading_code(file));
  return make_subword_tokenizer(std::move(parts));
}

}  // namespace lanewise::text
