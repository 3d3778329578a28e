#include "converters/tokenizers/companions.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json_fields.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/family.hpp"
#include "converters/files.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::converters {
namespace {

using base::JsonFields;
using base::JsonValue;
using text::AddedToken;

constexpr const char* kSettings = "tokenizer_config.json";
constexpr const char* kSpecials = "special_tokens_map.json";
constexpr const char* kAdded = "added_tokens.json";
constexpr const char* kDecoder = "added_tokens_decoder";
constexpr const char* kSentenceMask = "mask_token_sent";
constexpr const char* kExtra = "extra_special_tokens";
constexpr const char* kAdditional = "additional_special_tokens";  // Transformers before 5
constexpr int32_t kMostTokens = 1 << 16;                          // of `extra_ids` and `offset`

/// In the order in which Transformers adds them.
constexpr std::string_view kNamedSettings[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                               "pad_token", "cls_token", "mask_token"};

/// The text of a file beside the tokenizer; an empty object if there is none.
Result<std::string> read_file(SourceFolder& folder, const std::string& subfolder,
                              const char* name) {
  const std::string path = join(subfolder, name);
  if (!folder.has(path)) return std::string("{}");
  return folder.text(folder.path(path));
}

Result<base::JsonDocument> read_json(SourceFolder& folder, const std::string& subfolder,
                                     const char* name) {
  LW_ASSIGN_OR_RETURN(const std::string text, read_file(folder, subfolder, name));
  return parse_file(text, name);
}

/// A special token: a string, or an object with its content.
Result<NamedToken> named_token(const std::string& setting, const JsonValue& value,
                               const std::string& where) {
  NamedToken named{setting, {}, value.is_object()};
  if (named.has_flags) {
    LW_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(value, where));
    LW_ASSIGN_OR_RETURN(named.token, text::added_token_from_json(fields));
    LW_ASSIGN_OR_RETURN(named.token.normalized, fields.boolean_or("normalized", false));
  } else if (value.is_string()) {
    named.token.content = value.string();
  } else {
    return base::wrong_type(where, "a token", &value);
  }
  named.token.special = true;
  return named;
}

Status add_named(const std::string& setting, const JsonValue& value, const std::string& where,
                 std::vector<NamedToken>* tokens) {
  LW_ASSIGN_OR_RETURN(NamedToken named, named_token(setting, value, where));
  const auto same = [&](const NamedToken& other) {
    return other.setting == setting && other.token.content == named.token.content;
  };
  if (named.token.content.empty() || std::ranges::any_of(*tokens, same)) return {};
  tokens->push_back(std::move(named));
  return {};
}

/// The tokens of `extra_special_tokens`: a list, or an object of tokens by names.
Status add_list(const JsonFields& fields, const char* key, std::vector<NamedToken>* tokens) {
  const JsonValue* list = fields.find(key);
  if (!list) return {};
  if (!list->is_array() && !list->is_object()) return fields.wrong(key, "an array of tokens");
  size_t place = 0;
  for (const JsonValue& value : list->elements()) {
    const std::string where = fields.path(std::string(key) + "[" + std::to_string(place++) + "]");
    LW_RETURN_IF_ERROR(add_named(kExtra, value, where, tokens));
  }
  for (const auto& [name, value] : list->members()) {
    LW_RETURN_IF_ERROR(add_named(kExtra, value, fields.path(key), tokens));
  }
  return {};
}

/// Tokens with names that Transformers does not define, such as `image_token`.
Status add_others(const JsonFields& fields, std::vector<NamedToken>* tokens) {
  for (const auto& [key, value] : fields.members()) {
    const bool known = std::ranges::find(kNamedSettings, key) != std::end(kNamedSettings);
    const bool token = value.is_string() || value.find("content") != nullptr;
    if (known || !key.ends_with("_token") || !token) continue;
    LW_RETURN_IF_ERROR(add_named(std::string(key), value, fields.path(key), tokens));
  }
  return {};
}

Status read_named_tokens(const JsonFields& settings, const JsonFields& specials,
                         std::vector<NamedToken>* tokens) {
  for (const std::string_view key : kNamedSettings) {
    const std::string name(key);
    const JsonFields& fields = specials.has(name) ? specials : settings;
    const JsonValue* value = fields.find(name);
    if (value) LW_RETURN_IF_ERROR(add_named(name, *value, fields.path(name), tokens));
  }
  for (const JsonFields* fields : {&settings, &specials}) {
    LW_RETURN_IF_ERROR(add_others(*fields, tokens));
  }
  for (const JsonFields* fields : {&settings, &specials}) {
    LW_RETURN_IF_ERROR(add_list(*fields, kExtra, tokens));
    LW_RETURN_IF_ERROR(add_list(*fields, kAdditional, tokens));
  }
  return {};
}

/// added_tokens_decoder: tokens by their ids, which are keys.
Status read_decoder(const JsonFields& settings, std::map<int32_t, AddedToken>* tokens) {
  LW_ASSIGN_OR_RETURN(const JsonFields decoder, settings.object(kDecoder));
  for (const base::JsonMember& member : decoder.members()) {
    const std::string_view key = member.name;
    LW_ASSIGN_OR_RETURN(const JsonFields entry, decoder.object(key));
    LW_ASSIGN_OR_RETURN(AddedToken token, text::added_token_from_json(entry));
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (error != std::errc() || end != key.data() + key.size() || token.id < 0) {
      return data_loss(decoder.path(key) + ": expected a token id for a key");
    }
    if (!token.content.empty()) tokens->insert_or_assign(token.id, std::move(token));
  }
  return {};
}

/// added_tokens.json: ids by token, which Transformers wrote before added_tokens_decoder. Those
/// that a setting names are special; the others are matched in normalised text.
Status read_added_tokens(const JsonFields& ids, const std::vector<NamedToken>& named,
                         std::map<int32_t, AddedToken>* tokens) {
  for (const base::JsonMember& member : ids.members()) {
    AddedToken token;
    LW_ASSIGN_OR_RETURN(token.id, ids.count_of(member));
    token.content = member.name;
    token.special = std::ranges::any_of(
        named, [&](const NamedToken& other) { return other.token.content == token.content; });
    token.normalized = !token.special;
    if (!token.content.empty()) tokens->insert_or_assign(token.id, std::move(token));
  }
  return {};
}

Status read_class(const Config& settings, const Config& config, std::string* name) {
  LW_ASSIGN_OR_RETURN(*name, config.text("tokenizer_class", ""));
  LW_ASSIGN_OR_RETURN(*name, settings.text("tokenizer_class", *name));
  if (name->empty()) {
    LW_ASSIGN_OR_RETURN(const std::string type, config.text("model_type", ""));
    *name = tokenizer_class_of(type);
  }
  if (name->ends_with("Fast")) name->resize(name->size() - 4);
  return {};
}

Status read_switches(const Config& settings, Companions* to) {
  const std::pair<const char*, std::optional<bool>*> switches[] = {
      {"do_lower_case", &to->do_lower_case},
      {"keep_accents", &to->keep_accents},
      {"strip_accents", &to->strip_accents},
      {"tokenize_chinese_chars", &to->tokenize_chinese_chars},
      {"add_prefix_space", &to->add_prefix_space},
      {"trim_offsets", &to->trim_offsets},
      {"split_by_punct", &to->split_by_punct}};
  for (const auto& [name, value] : switches) {
    if (!settings.has(name)) continue;
    LW_ASSIGN_OR_RETURN(*value, settings.boolean(name, false));
  }
  return {};
}

/// Nothing if the file does not have the field.
Result<std::optional<int32_t>> read_count(const Config& settings, const char* field) {
  if (!settings.has(field)) return std::optional<int32_t>();
  LW_ASSIGN_OR_RETURN(const int64_t count, settings.integer(field, 0, 0, kMostTokens));
  return std::optional(static_cast<int32_t>(count));
}

Status read_settings(const Config& settings, Companions* to) {
  LW_RETURN_IF_ERROR(read_switches(settings, to));
  LW_ASSIGN_OR_RETURN(to->truncation_side, settings.text("truncation_side", ""));
  LW_ASSIGN_OR_RETURN(to->clean_up_tokenization_spaces,
                      settings.boolean("clean_up_tokenization_spaces", false));
  LW_ASSIGN_OR_RETURN(to->src_lang, settings.text("src_lang", ""));
  LW_ASSIGN_OR_RETURN(to->language_codes, settings.text("language_codes", to->language_codes));
  LW_ASSIGN_OR_RETURN(to->legacy_behaviour, settings.boolean("legacy_behaviour", false));
  LW_ASSIGN_OR_RETURN(to->extra_ids, read_count(settings, "extra_ids"));
  LW_ASSIGN_OR_RETURN(to->offset, read_count(settings, "offset"));
  const std::string& side = to->truncation_side;
  if (side.empty() || side == "left" || side == "right") return {};
  return settings.wrong("truncation_side", "left or right");
}

/// Pegasus' token for masked sentences; null means no masks.
Status read_sentence_mask(const JsonFields& settings, std::optional<std::string>* token) {
  const JsonValue* found = settings.value().find(kSentenceMask);
  if (found == nullptr) return {};
  token->emplace();
  if (found->is_null()) return {};
  LW_ASSIGN_OR_RETURN(const NamedToken named,
                      named_token(kSentenceMask, *found, settings.path(kSentenceMask)));
  *token = named.token.content;
  return {};
}

/// The tokens of all files; `settings_json` is the root of tokenizer_config.json.
Status read_tokens(SourceFolder& folder, const std::string& subfolder,
                   const JsonValue& settings_json, Companions* to) {
  LW_ASSIGN_OR_RETURN(const JsonFields settings, JsonFields::of_file(settings_json, kSettings));
  if (settings.has(kDecoder)) {
    LW_ASSIGN_OR_RETURN(const JsonFields none,
                        JsonFields::of_file(JsonValue::empty_object(), kSpecials));
    LW_RETURN_IF_ERROR(read_named_tokens(settings, none, &to->named_tokens));
    LW_RETURN_IF_ERROR(read_sentence_mask(settings, &to->mask_token_sent));
    return read_decoder(settings, &to->added_tokens);
  }
  LW_ASSIGN_OR_RETURN(const base::JsonDocument specials_json,
                      read_json(folder, subfolder, kSpecials));
  LW_ASSIGN_OR_RETURN(const JsonFields specials,
                      JsonFields::of_file(specials_json.root(), kSpecials));
  LW_RETURN_IF_ERROR(read_named_tokens(settings, specials, &to->named_tokens));
  LW_RETURN_IF_ERROR(read_sentence_mask(settings, &to->mask_token_sent));
  LW_ASSIGN_OR_RETURN(const base::JsonDocument added_json, read_json(folder, subfolder, kAdded));
  LW_ASSIGN_OR_RETURN(const JsonFields added, JsonFields::of_file(added_json.root(), kAdded));
  return read_added_tokens(added, to->named_tokens, &to->added_tokens);
}

}  // namespace

std::string Companions::token_name(std::string_view setting, std::string_view fallback) const {
  const auto found = std::ranges::find(named_tokens, setting, &NamedToken::setting);
  return found == named_tokens.end() ? std::string(fallback) : found->token.content;
}

Result<Companions> read_companions(SourceFolder& folder, const std::string& subfolder,
                                   const Config& config) {
  Companions companions;
  LW_ASSIGN_OR_RETURN(const std::string text, read_file(folder, subfolder, kSettings));
  LW_ASSIGN_OR_RETURN(const Config scalars,
                      Config::parse(text, folder.path(join(subfolder, kSettings))));
  LW_RETURN_IF_ERROR(read_class(scalars, config, &companions.tokenizer_class));
  LW_RETURN_IF_ERROR(read_settings(scalars, &companions));
  const Status status = read_tokens(folder, subfolder, scalars.json().value(), &companions);
  if (!status.ok()) return status.with_context(base::in_quotes(folder.path(subfolder)));
  return companions;
}

}  // namespace lanewise::converters
