#include "converters/tokenizers/apply_companions.hpp"

#include <algorithm>
#include <string>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/added_vocabulary.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "converters/tokenizers/tokenizer_classes.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using text::AddedToken;

/// The part of a tokenizer.json with this name, if it has this type; else null.
Json* part(Json* file, const char* name, const char* type) {
  Json* found = file->find(name);
  const Json* own_type = found == nullptr ? nullptr : found->find("type");
  return own_type != nullptr && own_type->is(type) ? found : nullptr;
}

/// BERT's class has defaults that override the file.
void set_bert_normalizer(const Companions& companions, Json* file) {
  Json* normalizer = part(file, "normalizer", "BertNormalizer");
  if (!normalizer) return;
  normalizer->set("lowercase", companions.do_lower_case.value_or(true));
  normalizer->set("handle_chinese_chars", companions.tokenize_chinese_chars.value_or(true));
  normalizer->set("strip_accents",
                  companions.strip_accents ? Json(*companions.strip_accents) : Json());
}

void set_prefix_space(const Companions& companions, Json* file) {
  const bool prefix_space = companions.add_prefix_space.value_or(false);
  if (Json* words = part(file, "pre_tokenizer", "ByteLevel")) {
    words->set("add_prefix_space", prefix_space);
  }
  if (Json* around = part(file, "post_processor", "RobertaProcessing")) {
    around->set("add_prefix_space", prefix_space);
    around->set("trim_offsets", companions.trim_offsets.value_or(true));
  }
}

void set_truncation_side(const Companions& companions, Json* file) {
  if (companions.truncation_side.empty()) return;
  const bool left = companions.truncation_side == "left";
  file->set("truncation", Json::object({{"direction", left ? "Left" : "Right"}}));
}

/// Ensures that a token named by a setting is an added one and special. Flags in
/// added_tokens_decoder or the tokenizer itself override those of the setting.
void add_named(const NamedToken& named, AddedVocabulary* vocabulary) {
  const AddedToken* known = vocabulary->find(named.token.content);
  AddedToken token = known ? *known : named.token;
  if (known && known->special) return;
  token.special = true;
  vocabulary->add(std::move(token));
}

void add_class_tokens(const Companions& companions, AddedVocabulary* vocabulary) {
  for (const ClassToken& usual : class_tokens(companions.tokenizer_class)) {
    const std::string content = companions.token_name(usual.setting, usual.content);
    if (!vocabulary->knows(content)) continue;
    NamedToken named;
    named.token.content = content;
    named.token.lstrip = usual.lstrip;
    const auto own =
        std::ranges::find(companions.named_tokens, usual.setting, &NamedToken::setting);
    if (own == companions.named_tokens.end() || !own->has_flags) add_named(named, vocabulary);
  }
}

/// Whether a setting or the class names `content`.
bool is_named(const Companions& companions, std::string_view content) {
  const auto tokens = class_tokens(companions.tokenizer_class);
  return std::ranges::any_of(
             companions.named_tokens,
             [&](const NamedToken& named) { return named.token.content == content; }) ||
         std::ranges::any_of(tokens, [&](const ClassToken& usual) {
           return companions.token_name(usual.setting, usual.content) == content;
         });
}

/// The added tokens of `original`, which `file` is a copy of, and those of the companions.
Result<AddedVocabulary> add_tokens(const Companions& companions, Backend backend,
                                   const base::JsonFields& original, Json* file) {
  const bool pieces = part(file, "model", "SentencePiece") != nullptr;
  const bool written = pieces || backend == Backend::kPython;
  LW_ASSIGN_OR_RETURN(AddedVocabulary vocabulary, AddedVocabulary::of(original, !written));
  for (const auto& [id, added] : companions.added_tokens) {
    AddedToken token = added;
    token.special =
        is_named(companions, token.content) || (token.special && backend == Backend::kTokenizers);
    // SentencePiece's normalizer would put a space before a token. Python classes, and tokenizers
    // when it runs the pieces, match it in the text as written.
    if (written) token.normalized = false;
    if (written) {
      vocabulary.add_as(token);
    } else {
      vocabulary.add(std::move(token));
    }
  }
  add_class_tokens(companions, &vocabulary);
  for (const NamedToken& named : companions.named_tokens) add_named(named, &vocabulary);
  file->set("added_tokens", vocabulary.to_json());
  return vocabulary;
}

/// Where files gave a token another id than the family would have, its other places follow.
void move_ids(const AddedVocabulary& vocabulary, Json* file) {
  Json* model = part(file, "model", "SentencePiece");
  if (!model) return;
  if (Json* ids = model->find("vocab")) {
    for (auto& [token, id] : ids->members()) {
      if (const AddedToken* added = vocabulary.find(token)) id = added->id;
    }
  }
  Json* around = part(file, "post_processor", "TemplateProcessing");
  Json* specials = around ? around->find("special_tokens") : nullptr;
  if (!specials) return;
  for (auto& [token, special] : specials->members()) {
    const AddedToken* added = vocabulary.find(token);
    if (added && special.is_object()) special.set("ids", Json::array(added->id));
  }
}

/// A decoder that parts special tokens from the text knows them by name.
void separate_specials(const AddedVocabulary& vocabulary, Json* file) {
  Json* decoder = part(file, "decoder", "SentencePiece");
  const Json* separated = decoder ? decoder->find("separate") : nullptr;
  if (!separated || separated->elements().empty()) return;
  Json separate = Json::array();
  for (const auto& [id, token] : vocabulary.tokens()) {
    if (token.special) separate.push_back(token.content);
  }
  decoder->set("separate", std::move(separate));
}

}  // namespace

Result<std::string> apply_companions(const Companions& companions, Backend backend,
                                     std::string_view tokenizer_json) {
  constexpr const char* kName = "tokenizer.json";
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(tokenizer_json, kName));
  LW_ASSIGN_OR_RETURN(const base::JsonFields original,
                      base::JsonFields::of_file(document.root(), kName));
  Json json = Json::of(document.root());
  Json* file = &json;
  const std::string& name = companions.tokenizer_class;
  if (is_bert_class(name) || is_mpnet_class(name)) set_bert_normalizer(companions, file);
  if (is_roberta_class(name) || is_gpt2_class(name)) set_prefix_space(companions, file);
  set_truncation_side(companions, file);
  LW_ASSIGN_OR_RETURN(const AddedVocabulary vocabulary,
                      add_tokens(companions, backend, original, file));
  move_ids(vocabulary, file);
  separate_specials(vocabulary, file);
  return sorted_text(std::move(json));
}

}  // namespace lanewise::converters
