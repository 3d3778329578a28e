#include "runtime/text/vocabulary_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "ops/status_macros.hpp"
#include "runtime/text/json_fields.hpp"
#include "runtime/text/tokenizer_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;
using Ids = std::unordered_map<std::string_view, int32_t>;

/// Those that are BertTokenizer by another name. Each may end in "Fast".
constexpr std::string_view kBertTokenizers[] = {
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
    "ConvBertTokenizer",
    "SqueezeBertTokenizer",
    "RetriBertTokenizer",
    "LxmertTokenizer",
    "LayoutLMTokenizer",
    "DPRReaderTokenizer",
    "DPRQuestionEncoderTokenizer",
    "DPRContextEncoderTokenizer",
};

Status check_class(const JsonFields& settings) {
  LW_ASSIGN_OR_RETURN(std::string name, settings.string_or("tokenizer_class", "BertTokenizer"));
  const std::string given = name;
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (std::ranges::find(kBertTokenizers, name) != std::end(kBertTokenizers)) return {};
  return unsupported("tokenizer_class '" + given +
                     "' with vocab.txt is not supported, only BERT's");
}

/// The lines of a file; the last needs no newline.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Each token with its last id.
Result<Ids> read_ids(std::string_view vocabulary) {
  const size_t valid = valid_utf8_prefix(vocabulary);
  if (valid != vocabulary.size()) {
    return data_loss("vocab.txt is not UTF-8 at byte " + std::to_string(valid));
  }
  Ids ids;
  int32_t id = 0;
  for (const std::string_view line : lines_of(vocabulary)) ids[line] = id++;
  return ids;
}

/// A special token of the settings: a string, or an object with its content.
Result<std::string> special_name(const JsonFields& settings, const char* key,
                                 const char* fallback) {
  const Json* field = settings.find(key);
  if (!field || !field->is_object()) return settings.string_or(key, fallback);
  LW_ASSIGN_OR_RETURN(const JsonFields token, settings.object(key));
  return token.string("content");
}

/// Adds a special token to the config, and returns its id, or -1 if the vocabulary lacks it.
int32_t add_special(const Ids& ids, const std::string& name, WordPieceConfig* config) {
  const auto found = ids.find(name);
  if (found == ids.end()) return -1;
  AddedToken token;
  token.content = name;
  token.id = found->second;
  token.special = true;
  config->added_tokens.push_back(std::move(token));
  return found->second;
}

Status read_normalizer(const JsonFields& settings, BertNormalizerOptions* options) {
  LW_ASSIGN_OR_RETURN(options->lowercase, settings.boolean_or("do_lower_case", true));
  LW_ASSIGN_OR_RETURN(options->strip_accents,
                      settings.boolean_or("strip_accents", options->lowercase));
  LW_ASSIGN_OR_RETURN(options->handle_chinese_chars,
                      settings.boolean_or("tokenize_chinese_chars", true));
  return {};
}

Status read_specials(const JsonFields& settings, const Ids& ids, WordPieceConfig* config) {
  LW_ASSIGN_OR_RETURN(config->unk_token, special_name(settings, "unk_token", "[UNK]"));
  LW_ASSIGN_OR_RETURN(const std::string cls, special_name(settings, "cls_token", "[CLS]"));
  LW_ASSIGN_OR_RETURN(const std::string sep, special_name(settings, "sep_token", "[SEP]"));
  LW_ASSIGN_OR_RETURN(const std::string pad, special_name(settings, "pad_token", "[PAD]"));
  LW_ASSIGN_OR_RETURN(const std::string mask, special_name(settings, "mask_token", "[MASK]"));
  add_special(ids, pad, config);
  add_special(ids, config->unk_token, config);
  const int32_t cls_id = add_special(ids, cls, config);
  const int32_t sep_id = add_special(ids, sep, config);
  add_special(ids, mask, config);
  if (cls_id < 0) return data_loss("vocab.txt has no cls_token '" + cls + "'");
  if (sep_id < 0) return data_loss("vocab.txt has no sep_token '" + sep + "'");
  config->specials = bert_template(cls, cls_id, sep, sep_id);
  return {};
}

/// added_tokens_decoder: added tokens by id. They come first, so that their flags count.
Status read_added_tokens(const JsonFields& settings, std::vector<AddedToken>* tokens) {
  if (!settings.find("added_tokens_decoder")) return {};
  LW_ASSIGN_OR_RETURN(const JsonFields decoder, settings.object("added_tokens_decoder"));
  for (const auto& [key, value] : decoder.json().items()) {
    LW_ASSIGN_OR_RETURN(const JsonFields entry, JsonFields::of(value, decoder.path(key)));
    LW_ASSIGN_OR_RETURN(AddedToken token, added_token_from_json(entry));
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (error != std::errc() || end != key.data() + key.size() || token.id < 0) {
      return data_loss(decoder.path(key) + ": expected a token id for a key");
    }
    if (!token.content.empty()) tokens->push_back(std::move(token));
  }
  return {};
}

}  // namespace

Result<WordPieceConfig> wordpiece_from_vocabulary(std::string_view vocabulary,
                                                  std::string_view settings) {
  const Json json = settings.empty() ? Json::object() : Json::parse(settings, nullptr, false);
  if (json.is_discarded()) return data_loss("tokenizer_config.json is not JSON");
  LW_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, "tokenizer_config.json"));
  LW_RETURN_IF_ERROR(check_class(fields));
  LW_ASSIGN_OR_RETURN(const Ids ids, read_ids(vocabulary));
  WordPieceConfig config;
  LW_RETURN_IF_ERROR(read_normalizer(fields, &config.normalizer));
  LW_RETURN_IF_ERROR(read_added_tokens(fields, &config.added_tokens));
  LW_RETURN_IF_ERROR(read_specials(fields, ids, &config));
  config.vocabulary.assign(ids.begin(), ids.end());
  return config;
}

}  // namespace lanewise::text
