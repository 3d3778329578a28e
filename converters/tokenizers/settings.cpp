#include "converters/tokenizers/settings.hpp"

#include "ops/status_macros.hpp"
#include "runtime/text/json_fields.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

constexpr const char* kFile = "tokenizer_config.json";

Result<std::string> token_of(const Json& value, const std::string& name) {
  const Json* text = &value;
  if (value.is_object() && value.contains("content")) text = &value["content"];
  if (text->is_string()) return text->get<std::string>();
  return text::wrong_type(name, "a token", text);
}

std::string path(const char* field) { return std::string(kFile) + ": " + field; }

}  // namespace

Result<TokenizerSettings> TokenizerSettings::parse(std::string_view text) {
  TokenizerSettings settings;
  if (text.empty()) return settings;
  settings.json_ = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (settings.json_.is_object()) return settings;
  return data_loss(std::string(kFile) + ": expected an object");
}

Result<int32_t> TokenizerSettings::count_or(const char* field, int32_t fallback,
                                            int32_t most) const {
  if (!json_.contains(field) || json_[field].is_null()) return fallback;
  LW_ASSIGN_OR_RETURN(const int32_t count, text::count_of(json_[field], path(field)));
  if (count <= most) return count;
  return data_loss(path(field) + ": expected at most " + std::to_string(most) + ", found " +
                   std::to_string(count));
}

Result<bool> TokenizerSettings::boolean_or(const char* field, bool fallback) const {
  LW_ASSIGN_OR_RETURN(const text::JsonFields fields, text::JsonFields::of(json_, kFile));
  return fields.boolean_or(field, fallback);
}

Result<std::string> TokenizerSettings::token_or(const char* field,
                                                const std::string& fallback) const {
  if (!json_.contains(field) || json_[field].is_null()) return fallback;
  return token_of(json_[field], path(field));
}

Result<std::vector<std::string>> TokenizerSettings::tokens(const char* field) const {
  std::vector<std::string> tokens;
  if (!json_.contains(field) || !json_[field].is_array()) return tokens;
  for (const Json& entry : json_[field]) {
    LW_ASSIGN_OR_RETURN(std::string token, token_of(entry, path(field)));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

bool TokenizerSettings::is_null(const char* field) const {
  return json_.contains(field) && json_[field].is_null();
}

}  // namespace lanewise::converters
