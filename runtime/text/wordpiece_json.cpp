#include "runtime/text/wordpiece_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ops/status_macros.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

Status unsupported_part(const std::string& part, const std::string& type, const char* known) {
  return unsupported(part + " '" + type + "' is not supported for a WordPiece model, only " +
                     known);
}

Result<std::vector<std::pair<std::string, int32_t>>> read_vocabulary(const JsonFields& model) {
  LW_ASSIGN_OR_RETURN(const JsonFields vocab, model.object("vocab"));
  std::vector<std::pair<std::string, int32_t>> vocabulary;
  vocabulary.reserve(vocab.json().size());
  for (const auto& [token, id] : vocab.json().items()) {
    LW_ASSIGN_OR_RETURN(const int32_t number, count_of(id, vocab.path(token)));
    vocabulary.emplace_back(token, number);
  }
  return vocabulary;
}

Status read_model(const JsonFields& file, WordPieceConfig* config) {
  LW_ASSIGN_OR_RETURN(const JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(config->vocabulary, read_vocabulary(model));
  LW_ASSIGN_OR_RETURN(config->unk_token, model.string_or("unk_token", "[UNK]"));
  LW_ASSIGN_OR_RETURN(config->continuing_subword_prefix,
                      model.string_or("continuing_subword_prefix", "##"));
  LW_ASSIGN_OR_RETURN(config->max_input_chars_per_word,
                      model.count_or("max_input_chars_per_word", 100));
  return {};
}

Status read_normalizer(const JsonFields& file, BertNormalizerOptions* options) {
  if (!file.find("normalizer")) {
    *options = {false, false, false, false};
    return {};
  }
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("normalizer"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type != "BertNormalizer") return unsupported_part("normalizer", type, "BertNormalizer");
  LW_ASSIGN_OR_RETURN(*options, bert_normalizer_from_json(fields));
  return {};
}

Status check_pre_tokenizer(const JsonFields& file) {
  if (!file.find("pre_tokenizer"))
    return unsupported_part("pre_tokenizer", "null", "BertPreTokenizer");
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("pre_tokenizer"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type == "BertPreTokenizer") return {};
  return unsupported_part("pre_tokenizer", type, "BertPreTokenizer");
}

Result<TemplatePiece> read_sequence(const JsonFields& piece) {
  LW_ASSIGN_OR_RETURN(const JsonFields sequence, piece.object("Sequence"));
  LW_ASSIGN_OR_RETURN(const std::string id, sequence.string("id"));
  if (id != "A" && id != "B") return data_loss(sequence.path("id") + ": expected A or B");
  TemplatePiece result;
  result.kind = id == "A" ? TemplatePiece::Kind::kFirst : TemplatePiece::Kind::kSecond;
  LW_ASSIGN_OR_RETURN(result.type_id, sequence.count_or("type_id", 0));
  return result;
}

Result<TemplatePiece> read_special(const JsonFields& piece, const JsonFields& specials) {
  LW_ASSIGN_OR_RETURN(const JsonFields token, piece.object("SpecialToken"));
  TemplatePiece result;
  LW_ASSIGN_OR_RETURN(result.name, token.string("id"));
  LW_ASSIGN_OR_RETURN(result.type_id, token.count_or("type_id", 0));
  LW_ASSIGN_OR_RETURN(const JsonFields special, specials.object(result.name.c_str()));
  LW_ASSIGN_OR_RETURN(const Json* ids, special.array("ids"));
  for (const Json& id : *ids) {
    LW_ASSIGN_OR_RETURN(const int32_t number, count_of(id, special.path("ids")));
    result.ids.push_back(number);
  }
  return result;
}

/// Each text exactly once, or truncation could not keep to its limit.
Status check_texts(std::span<const TemplatePiece> pieces, bool pair, const std::string& name) {
  const auto count = [&](TemplatePiece::Kind kind) {
    return std::count_if(pieces.begin(), pieces.end(),
                         [&](const TemplatePiece& piece) { return piece.kind == kind; });
  };
  if (count(TemplatePiece::Kind::kFirst) == 1 &&
      count(TemplatePiece::Kind::kSecond) == (pair ? 1 : 0)) {
    return {};
  }
  return unsupported(name + ": expected " + (pair ? "A and B" : "A alone") + ", once");
}

Result<std::vector<TemplatePiece>> read_pieces(const JsonFields& processor, const char* key,
                                               bool pair) {
  LW_ASSIGN_OR_RETURN(const Json* list, processor.array(key));
  LW_ASSIGN_OR_RETURN(const JsonFields specials, processor.object("special_tokens"));
  std::vector<TemplatePiece> pieces;
  for (const Json& entry : *list) {
    LW_ASSIGN_OR_RETURN(const JsonFields piece, JsonFields::of(entry, processor.path(key)));
    LW_ASSIGN_OR_RETURN(TemplatePiece result, piece.find("Sequence")
                                                  ? read_sequence(piece)
                                                  : read_special(piece, specials));
    pieces.push_back(std::move(result));
  }
  LW_RETURN_IF_ERROR(check_texts(pieces, pair, processor.path(key)));
  return pieces;
}

/// One of the ["[SEP]", 102] of BertProcessing.
Result<TemplatePiece> read_named_id(const JsonFields& processor, const char* key) {
  LW_ASSIGN_OR_RETURN(const Json* entry, processor.array(key));
  if (entry->size() != 2 || !(*entry)[0].is_string()) {
    return wrong_type(processor.path(key), "a token and its id", entry);
  }
  TemplatePiece piece;
  piece.name = (*entry)[0].get_ref<const std::string&>();
  LW_ASSIGN_OR_RETURN(const int32_t id, count_of((*entry)[1], processor.path(key)));
  piece.ids.push_back(id);
  return piece;
}

Result<SpecialTemplate> read_bert_processing(const JsonFields& processor) {
  LW_ASSIGN_OR_RETURN(const TemplatePiece cls, read_named_id(processor, "cls"));
  LW_ASSIGN_OR_RETURN(const TemplatePiece sep, read_named_id(processor, "sep"));
  return bert_template(cls.name, cls.ids[0], sep.name, sep.ids[0]);
}

Status read_decoder(const JsonFields& file, WordPieceDecoder* decoder) {
  decoder->present = file.find("decoder") != nullptr;
  if (!decoder->present) return {};
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("decoder"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type != "WordPiece") return unsupported_part("decoder", type, "WordPiece");
  LW_ASSIGN_OR_RETURN(decoder->prefix, fields.string_or("prefix", "##"));
  LW_ASSIGN_OR_RETURN(decoder->cleanup, fields.boolean_or("cleanup", true));
  return {};
}

Json model_to_json(const WordPieceConfig& config) {
  Json vocabulary = Json::object();
  for (const auto& [token, id] : config.vocabulary) vocabulary[token] = id;
  return {{"type", "WordPiece"},
          {"unk_token", config.unk_token},
          {"continuing_subword_prefix", config.continuing_subword_prefix},
          {"max_input_chars_per_word", config.max_input_chars_per_word},
          {"vocab", std::move(vocabulary)}};
}

/// The pieces as JSON; enters the special tokens that they use into `specials`.
Json pieces_to_json(std::span<const TemplatePiece> pieces, const Tokenizer& tokenizer,
                    Json* specials) {
  Json list = Json::array();
  for (const TemplatePiece& piece : pieces) {
    if (piece.kind != TemplatePiece::Kind::kSpecial) {
      const char* id = piece.kind == TemplatePiece::Kind::kFirst ? "A" : "B";
      list.push_back({{"Sequence", {{"id", id}, {"type_id", piece.type_id}}}});
      continue;
    }
    list.push_back({{"SpecialToken", {{"id", piece.name}, {"type_id", piece.type_id}}}});
    Json tokens = Json::array();
    for (const int32_t id : piece.ids) tokens.push_back(std::string(tokenizer.token(id)));
    (*specials)[piece.name] = {{"id", piece.name}, {"ids", piece.ids}, {"tokens", tokens}};
  }
  return list;
}

}  // namespace

Result<AddedToken> added_token_from_json(const JsonFields& entry) {
  AddedToken token;
  LW_ASSIGN_OR_RETURN(token.content, entry.string("content"));
  LW_ASSIGN_OR_RETURN(token.single_word, entry.boolean_or("single_word", false));
  LW_ASSIGN_OR_RETURN(token.lstrip, entry.boolean_or("lstrip", false));
  LW_ASSIGN_OR_RETURN(token.rstrip, entry.boolean_or("rstrip", false));
  LW_ASSIGN_OR_RETURN(token.special, entry.boolean_or("special", false));
  LW_ASSIGN_OR_RETURN(token.normalized, entry.boolean_or("normalized", !token.special));
  return token;
}

Status added_tokens_from_json(const JsonFields& file, std::vector<AddedToken>* tokens) {
  if (!file.find("added_tokens")) return {};
  LW_ASSIGN_OR_RETURN(const Json* list, file.array("added_tokens"));
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string name = "added_tokens[" + std::to_string(i) + "]";
    LW_ASSIGN_OR_RETURN(const JsonFields entry, JsonFields::of((*list)[i], name));
    LW_ASSIGN_OR_RETURN(AddedToken token, added_token_from_json(entry));
    LW_ASSIGN_OR_RETURN(token.id, entry.count("id"));
    if (!token.content.empty()) tokens->push_back(std::move(token));
  }
  return {};
}

Result<SpecialTemplate> read_post_processor(const JsonFields& file) {
  if (!file.find("post_processor")) return bare_template();
  LW_ASSIGN_OR_RETURN(const JsonFields processor, file.object("post_processor"));
  LW_ASSIGN_OR_RETURN(const std::string type, processor.string("type"));
  if (type == "BertProcessing") return read_bert_processing(processor);
  if (type != "TemplateProcessing") {
    return unsupported("post_processor '" + type +
                       "' is not supported, only TemplateProcessing and BertProcessing");
  }
  SpecialTemplate result;
  LW_ASSIGN_OR_RETURN(result.single, read_pieces(processor, "single", false));
  LW_ASSIGN_OR_RETURN(result.pair, read_pieces(processor, "pair", true));
  return result;
}

Json added_tokens_to_json(const std::vector<AddedToken>& tokens) {
  Json list = Json::array();
  for (const AddedToken& token : tokens) {
    list.push_back({{"id", token.id},
                    {"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  }
  return list;
}

Json template_to_json(const SpecialTemplate& specials, const Tokenizer& tokenizer) {
  Json tokens = Json::object();
  Json single = pieces_to_json(specials.single, tokenizer, &tokens);
  Json pair = pieces_to_json(specials.pair, tokenizer, &tokens);
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(tokens)}};
}

Result<WordPieceConfig> wordpiece_from_json(const JsonFields& file) {
  WordPieceConfig config;
  LW_RETURN_IF_ERROR(read_normalizer(file, &config.normalizer));
  LW_RETURN_IF_ERROR(check_pre_tokenizer(file));
  LW_ASSIGN_OR_RETURN(config.specials, read_post_processor(file));
  LW_RETURN_IF_ERROR(read_decoder(file, &config.decoder));
  LW_RETURN_IF_ERROR(added_tokens_from_json(file, &config.added_tokens));
  LW_RETURN_IF_ERROR(read_model(file, &config));
  return config;
}

std::string wordpiece_to_json(const WordPieceConfig& config, const Tokenizer& tokenizer) {
  Json file = {{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", added_tokens_to_json(config.added_tokens)},
               {"normalizer",
                {{"type", "BertNormalizer"},
                 {"clean_text", config.normalizer.clean_text},
                 {"handle_chinese_chars", config.normalizer.handle_chinese_chars},
                 {"strip_accents", config.normalizer.strip_accents},
                 {"lowercase", config.normalizer.lowercase}}},
               {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
               {"post_processor", template_to_json(config.specials, tokenizer)},
               {"decoder", nullptr},
               {"model", model_to_json(config)}};
  if (config.decoder.present) {
    file["decoder"] = {{"type", "WordPiece"},
                       {"prefix", config.decoder.prefix},
                       {"cleanup", config.decoder.cleanup}};
  }
  return file.dump();
}

}  // namespace lanewise::text
