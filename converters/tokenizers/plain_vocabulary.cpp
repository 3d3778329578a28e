#include "converters/tokenizers/plain_vocabulary.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/status_macros.hpp"
#include "runtime/text/tokenizer.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

Json split_to_json(WordSplit split) {
  if (split == WordSplit::kWhitespace) return {{"type", "WhitespaceSplit"}};
  // The pattern matches every character, in every library's regular expressions.
  return {{"type", "Split"},
          {"pattern", {{"Regex", R"([\s\S])"}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

}  // namespace

Result<std::string> tokenizer_json_of(const PlainVocabulary& plain) {
  const auto token_of = [&](int32_t id) -> std::string_view {
    const auto found = std::find_if(plain.vocabulary.begin(), plain.vocabulary.end(),
                                    [&](const auto& entry) { return entry.second == id; });
    return found == plain.vocabulary.end() ? std::string_view() : found->first;
  };
  Json file = text::bare_tokenizer_json(plain.added_tokens);
  file["pre_tokenizer"] = split_to_json(plain.split);
  file["post_processor"] = text::template_to_json(plain.specials, token_of);
  file["model"] = {{"type", "WordLevel"},
                   {"vocab", text::vocabulary_to_json(plain.vocabulary)},
                   {"unk_token", plain.unk_token}};
  if (plain.lowercase) file["normalizer"] = {{"type", "Lowercase"}};
  LW_ASSIGN_OR_RETURN(const auto tokenizer, text::parse_tokenizer(file.dump()));
  return tokenizer->to_json();
}

}  // namespace lanewise::converters
