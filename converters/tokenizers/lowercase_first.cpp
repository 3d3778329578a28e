#include "converters/tokenizers/lowercase_first.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_fields.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

bool has_type(const Json& part, const char* type) {
  return part.is_object() && part.contains("type") && part["type"] == type;
}

/// BERT's own lowercasing comes last, but none of its other steps depends on case. However, it also
/// strips accents, unless the file says otherwise.
void lowercase_bert(Json& normalizer) {
  const Json& strip = normalizer["strip_accents"];
  if (!strip.is_boolean()) normalizer["strip_accents"] = normalizer.value("lowercase", true);
  normalizer["lowercase"] = true;
}

Json lowercased(Json normalizer) {
  const Json lowercase = {{"type", "Lowercase"}};
  if (normalizer.is_null()) return lowercase;
  if (has_type(normalizer, "BertNormalizer")) {
    lowercase_bert(normalizer);
    return normalizer;
  }
  if (has_type(normalizer, "Lowercase")) return normalizer;
  Json parts = Json::array({normalizer});
  if (has_type(normalizer, "Sequence") && normalizer["normalizers"].is_array()) {
    parts = normalizer["normalizers"];
  }
  const auto is_lowercase = [](const Json& part) { return has_type(part, "Lowercase"); };
  if (std::any_of(parts.begin(), parts.end(), is_lowercase)) return normalizer;
  parts.insert(parts.begin(), lowercase);
  return {{"type", "Sequence"}, {"normalizers", std::move(parts)}};
}

}  // namespace

Result<std::string> lowercase_first(const std::string& json) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(json, "tokenizer"));
  LW_RETURN_IF_ERROR(base::JsonFields::of_file(document.root(), "tokenizer").status());
  Json file = base::editable(document.root());
  file["normalizer"] = lowercased(file["normalizer"]);
  LW_ASSIGN_OR_RETURN(const auto tokenizer, text::parse_tokenizer(file.dump()));
  return tokenizer->to_json();
}

}  // namespace lanewise::converters
