#include "runtime/text/wordpiece_json.hpp"

#include <nlohmann/json.hpp>

#include "ops/status_macros.hpp"
#include "runtime/text/post_processor.hpp"

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
  LW_ASSIGN_OR_RETURN(PostProcessor processor, read_post_processing(file));
  if (processor.trims.empty()) return std::move(processor.specials);
  return unsupported("post_processor: trim_offsets is only supported for subword models");
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
