#include "converters/tokenizers/lowercase_first.hpp"

#include <algorithm>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;

bool has_type(const Json& part, const char* type) {
  const Json* own = part.find("type");
  return own != nullptr && own->is(type);
}

/// BERT's own lowercasing comes last, but none of its other steps depends on case. However, it also
/// strips accents, unless the file says otherwise.
void lowercase_bert(Json& normalizer) {
  const auto flag = [&](const char* name) {
    const Json* field = normalizer.find(name);
    return field == nullptr ? nullptr : field->boolean();
  };
  const bool* lowercase = flag("lowercase");
  if (!flag("strip_accents")) {
    normalizer.set("strip_accents", lowercase == nullptr || *lowercase);
  }
  normalizer.set("lowercase", true);
}

Json lowercased(Json normalizer) {
  Json lowercase = Json::object({{"type", "Lowercase"}});
  if (normalizer.is_null()) return lowercase;
  if (has_type(normalizer, "BertNormalizer")) {
    lowercase_bert(normalizer);
    return normalizer;
  }
  if (has_type(normalizer, "Lowercase")) return normalizer;
  Json* list = has_type(normalizer, "Sequence") ? normalizer.find("normalizers") : nullptr;
  const bool has_list = list != nullptr && list->is_array();
  const auto is_lowercase = [](const Json& part) { return has_type(part, "Lowercase"); };
  if (has_list && std::ranges::any_of(list->elements(), is_lowercase)) return normalizer;
  Json parts = Json::array(std::move(lowercase));
  if (has_list) {
    for (Json& part : list->elements()) parts.push_back(std::move(part));
  } else {
    parts.push_back(std::move(normalizer));
  }
  return Json::object({{"type", "Sequence"}, {"normalizers", std::move(parts)}});
}

}  // namespace

Result<std::string> lowercase_first(const std::string& json) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(json, "tokenizer"));
  LW_RETURN_IF_ERROR(base::JsonFields::of_file(document.root(), "tokenizer").status());
  Json file = Json::of(document.root());
  Json* normalizer = file.find("normalizer");
  file.set("normalizer", lowercased(normalizer == nullptr ? Json() : std::move(*normalizer)));
  LW_ASSIGN_OR_RETURN(const auto tokenizer, text::parse_tokenizer(file.text()));
  return tokenizer->to_json();
}

}  // namespace lanewise::converters
