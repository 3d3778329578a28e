#include "runtime/text/wordlevel_json.hpp"

#include <nlohmann/json.hpp>

#include "ops/status_macros.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

constexpr const char* kModel = "WordLevel";

// Matches every character, in the syntax of every library of regular expressions.
constexpr const char* kAnyCharacter = R"([\s\S])";

Status read_vocabulary(const JsonFields& file, WordLevelConfig* config) {
  LW_ASSIGN_OR_RETURN(const JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(config->vocabulary, read_vocabulary_object(model));
  LW_ASSIGN_OR_RETURN(config->unk_token, model.string_or("unk_token", ""));
  return {};
}

Status read_normalizer(const JsonFields& file, WordLevelConfig* config) {
  if (!file.find("normalizer")) return {};
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("normalizer"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type != "Lowercase") return unsupported_part("normalizer", type, kModel, "Lowercase");
  config->lowercase = true;
  return {};
}

/// A Split that leaves nothing but single characters.
Result<WordSplit> read_split(const JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const JsonFields pattern, fields.object("pattern"));
  LW_ASSIGN_OR_RETURN(const std::string behavior, fields.string("behavior"));
  LW_ASSIGN_OR_RETURN(const bool invert, fields.boolean_or("invert", false));
  const char* kind = pattern.find("String") ? "String" : "Regex";
  LW_ASSIGN_OR_RETURN(const std::string text, pattern.string(kind));
  const bool regex = kind == std::string_view("Regex");
  if (behavior == "Isolated" && !invert) {
    // An empty pattern matches between all characters.
    if (text.empty() || (regex && text == kAnyCharacter)) return WordSplit::kCharacters;
    if (regex && text == ".") return WordSplit::kDots;
  }
  return unsupported("pre_tokenizer Split by '" + text + "', " + behavior +
                     (invert ? ", inverted," : "") +
                     " is not supported for a WordLevel model, only into characters: Regex '" +
                     kAnyCharacter + "' or '.', Isolated");
}

Result<WordSplit> read_pre_tokenizer(const JsonFields& file) {
  if (!file.find("pre_tokenizer")) return WordSplit::kNone;
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("pre_tokenizer"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type == "WhitespaceSplit") return WordSplit::kWhitespace;
  if (type == "Whitespace") return WordSplit::kWords;
  if (type == "Split") return read_split(fields);
  return unsupported_part("pre_tokenizer", type, kModel, "WhitespaceSplit, Whitespace and Split");
}

Status read_decoder(const JsonFields& file, WordLevelConfig* config) {
  if (!file.find("decoder")) return {};
  LW_ASSIGN_OR_RETURN(const JsonFields fields, file.object("decoder"));
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  if (type != "Fuse") return unsupported_part("decoder", type, kModel, "Fuse");
  config->fuse = true;
  return {};
}

Json split_to_json(WordSplit split) {
  switch (split) {
    case WordSplit::kNone:
      return nullptr;
    case WordSplit::kWhitespace:
      return {{"type", "WhitespaceSplit"}};
    case WordSplit::kWords:
      return {{"type", "Whitespace"}};
    case WordSplit::kCharacters:
    case WordSplit::kDots:
      break;
  }
  return {{"type", "Split"},
          {"pattern", {{"Regex", split == WordSplit::kDots ? "." : kAnyCharacter}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

}  // namespace

Result<WordLevelConfig> wordlevel_from_json(const JsonFields& file) {
  WordLevelConfig config;
  LW_RETURN_IF_ERROR(read_normalizer(file, &config));
  LW_ASSIGN_OR_RETURN(config.split, read_pre_tokenizer(file));
  LW_ASSIGN_OR_RETURN(config.specials, read_post_processor(file));
  LW_RETURN_IF_ERROR(read_decoder(file, &config));
  LW_RETURN_IF_ERROR(added_tokens_from_json(file, &config.added_tokens));
  LW_RETURN_IF_ERROR(read_vocabulary(file, &config));
  return config;
}

std::string wordlevel_to_json(const WordLevelConfig& config, const Tokenizer& tokenizer) {
  Json file = bare_tokenizer_json(config.added_tokens);
  file["pre_tokenizer"] = split_to_json(config.split);
  file["post_processor"] = template_to_json(config.specials, tokenizer);
  file["model"] = {{"type", kModel},
                   {"vocab", vocabulary_to_json(config.vocabulary)},
                   {"unk_token", config.unk_token}};
  if (config.lowercase) file["normalizer"] = {{"type", "Lowercase"}};
  if (config.fuse) file["decoder"] = {{"type", "Fuse"}};
  return file.dump();
}

}  // namespace lanewise::text
