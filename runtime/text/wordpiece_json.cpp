#include "runtime/text/wordpiece_json.hpp"

#include <nlohmann/json.hpp>

#include "ops/status_macros.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

constexpr const char* kModel = "WordPiece";

Status read_model(const JsonFields& file, WordPieceConfig* config) {
  LW_ASSIGN_OR_RETURN(const JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(config->vocabulary, read_vocabulary_object(model));
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
  if (type != "BertNormalizer")
    return unsupported_part("normalizer", type, kModel, "BertNormalizer");
  LW_ASSIGN_OR_RETURN(*options, bert_normalizer_from_json(fields));
  return {};
}

Status check_pre_tokenizer(const JsonFields& file) {
  if (!file.find("pre_tokenizer"))
    return unsupported_part("pre_tokenizer", "null", kModel, "BertPreTokenizer");
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("pre_tokenizer"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type == "BertPreTokenizer") return {};
  return unsupported_part("pre_tokenizer", type, kModel, "BertPreTokenizer");
}

Status read_decoder(const JsonFields& file, WordPieceDecoder* decoder) {
  decoder->present = file.find("decoder") != nullptr;
  if (!decoder->present) return {};
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("decoder"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type != "WordPiece") return unsupported_part("decoder", type, kModel, "WordPiece");
  LW_ASSIGN_OR_RETURN(decoder->prefix, fields.string_or("prefix", "##"));
  LW_ASSIGN_OR_RETURN(decoder->cleanup, fields.boolean_or("cleanup", true));
  return {};
}

Json model_to_json(const WordPieceConfig& config) {
  return {{"type", kModel},
          {"unk_token", config.unk_token},
          {"continuing_subword_prefix", config.continuing_subword_prefix},
          {"max_input_chars_per_word", config.max_input_chars_per_word},
          {"vocab", vocabulary_to_json(config.vocabulary)}};
}

}  // namespace

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
  Json file = bare_tokenizer_json(config.added_tokens);
  file["normalizer"] = {{"type", "BertNormalizer"},
                        {"clean_text", config.normalizer.clean_text},
                        {"handle_chinese_chars", config.normalizer.handle_chinese_chars},
                        {"strip_accents", config.normalizer.strip_accents},
                        {"lowercase", config.normalizer.lowercase}};
  file["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  file["post_processor"] = template_to_json(config.specials, tokenizer);
  file["model"] = model_to_json(config);
  if (config.decoder.present) {
    file["decoder"] = {{"type", "WordPiece"},
                       {"prefix", config.decoder.prefix},
                       {"cleanup", config.decoder.cleanup}};
  }
  return file.dump();
}

}  // namespace lanewise::text
