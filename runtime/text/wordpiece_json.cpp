#include "runtime/text/wordpiece_json.hpp"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/post_processor.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

/// Whether the file's `part` is one of `types`; the empty one stands for none.
bool is_one_of(const base::JsonFields& file, const char* part,
               std::initializer_list<std::string_view> types) {
  const base::JsonValue* value = file.find(part);
  const base::JsonValue* type = value ? value->find("type") : nullptr;
  return std::any_of(types.begin(), types.end(), [&](std::string_view known) {
    return known.empty() ? value == nullptr : type != nullptr && type->is(known);
  });
}

Status read_normalizer(const base::JsonFields& file, BertNormalizerOptions* options) {
  *options = {false, false, false, false};
  if (!file.find("normalizer")) return {};
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("normalizer"));
  LW_ASSIGN_OR_RETURN(*options, bert_normalizer_from_json(fields));
  return {};
}

Status read_decoder(const base::JsonFields& file, WordPieceDecoder* decoder) {
  decoder->present = file.find("decoder") != nullptr;
  if (!decoder->present) return {};
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("decoder"));
  LW_ASSIGN_OR_RETURN(decoder->prefix, fields.string_or("prefix", "##"));
  LW_ASSIGN_OR_RETURN(decoder->cleanup, fields.boolean_or("cleanup", true));
  return {};
}

}  // namespace

bool has_bert_parts(const base::JsonFields& file) {
  return is_one_of(file, "normalizer", {"", "BertNormalizer"}) &&
         is_one_of(file, "pre_tokenizer", {"BertPreTokenizer"}) &&
         is_one_of(file, "post_processor", {"", "TemplateProcessing", "BertProcessing"}) &&
         is_one_of(file, "decoder", {"", "WordPiece"}) && !file.find("leading_code");
}

Result<WordPieceConfig> wordpiece_from_json(const base::JsonFields& file) {
  WordPieceConfig config;
  LW_RETURN_IF_ERROR(read_normalizer(file, &config.normalizer));
  LW_ASSIGN_OR_RETURN(PostProcessor processor, read_post_processing(file));
  config.specials = std::move(processor.specials);
  config.truncates_left = processor.truncates_left;
  LW_RETURN_IF_ERROR(read_decoder(file, &config.decoder));
  LW_RETURN_IF_ERROR(added_tokens_from_json(file, &config.added_tokens));
  LW_ASSIGN_OR_RETURN(const base::JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(static_cast<WordPieceModel&>(config), wordpiece_model_from_json(model));
  return config;
}

std::string wordpiece_to_json(const WordPieceConfig& config, const Tokenizer& tokenizer) {
  Json file = bare_tokenizer_json(config.added_tokens);
  if (config.truncates_left) file["truncation"] = {{"direction", "Left"}};
  file["normalizer"] = {{"type", "BertNormalizer"},
                        {"clean_text", config.normalizer.clean_text},
                        {"handle_chinese_chars", config.normalizer.handle_chinese_chars},
                        {"strip_accents", config.normalizer.strip_accents},
                        {"lowercase", config.normalizer.lowercase}};
  file["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  file["post_processor"] =
      template_to_json(config.specials, [&](int32_t id) { return tokenizer.token(id); });
  file["model"] = wordpiece_model_to_json(config);
  if (config.decoder.present) {
    file["decoder"] = {{"type", "WordPiece"},
                       {"prefix", config.decoder.prefix},
                       {"cleanup", config.decoder.cleanup}};
  }
  return file.dump();
}

}  // namespace lanewise::text
