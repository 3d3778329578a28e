#include "runtime/text/wordlevel.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

Json split_to_json(WordSplit split) {
  if (split == WordSplit::kWhitespace) return {{"type", "WhitespaceSplit"}};
  // The pattern matches every character, in the syntax of every library of regular expressions.
  return {{"type", "Split"},
          {"pattern", {{"Regex", R"([\s\S])"}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_wordlevel(const WordLevelConfig& config) {
  const auto token_of = [&](int32_t id) -> std::string_view {
    const auto found = std::find_if(config.vocabulary.begin(), config.vocabulary.end(),
                                    [&](const auto& entry) { return entry.second == id; });
    return found == config.vocabulary.end() ? std::string_view() : found->first;
  };
  Json file = bare_tokenizer_json(config.added_tokens);
  file["pre_tokenizer"] = split_to_json(config.split);
  file["post_processor"] = template_to_json(config.specials, token_of);
  file["model"] = {{"type", "WordLevel"},
                   {"vocab", vocabulary_to_json(config.vocabulary)},
                   {"unk_token", config.unk_token}};
  if (config.lowercase) file["normalizer"] = {{"type", "Lowercase"}};
  return parse_tokenizer(file.dump());
}

}  // namespace lanewise::text
