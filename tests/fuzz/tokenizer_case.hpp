#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/tokenizer.hpp"
#include "tests/fuzz/require.hpp"

namespace lanewise::fuzz {

/// Encodes and decodes with an untrusted tokenizer: whatever it contains, its offsets are within
/// the text, its ids within the vocabulary, and its JSON is read as an equal tokenizer.
inline void use_tokenizer(const text::Tokenizer& tokenizer, std::string_view text) {
  const int64_t vocabulary = tokenizer.vocabulary_size();
  require(vocabulary >= 0);
  std::vector<int32_t> ids;
  for (const int64_t max_length : {0, 4}) {
    for (const bool special : {true, false}) {
      const auto encoding =
          tokenizer.encode(text, {.add_special_tokens = special, .max_length = max_length});
      require_message(encoding.status());
      if (!encoding.ok()) continue;
      require(max_length == 0 || encoding->tokens.size() <= static_cast<size_t>(max_length));
      ids.clear();
      for (const text::Token& token : encoding->tokens) {
        require(token.id >= 0 && token.id < vocabulary);
        require(token.begin >= 0 && token.begin <= token.end &&
                static_cast<size_t>(token.end) <= text.size());
        const std::string_view name = tokenizer.token(token.id);
        require(name.empty() || tokenizer.id(name).has_value());
        ids.push_back(token.id);
      }
      for (const bool skip : {true, false}) require_message(tokenizer.decode(ids, skip).status());
    }
  }
  std::vector<int32_t> types;
  const auto pair = tokenizer.encode_pair(text, text.substr(text.size() / 2), {}, &types);
  require_message(pair.status());
  require(!pair.ok() || types.size() == pair->tokens.size());

  const std::string json = tokenizer.to_json();
  const auto again = text::parse_tokenizer(json);
  require(again.ok() && (*again)->to_json() == json);
  const auto first = tokenizer.encode(text, {});
  const auto second = (*again)->encode(text, {});
  require(first.ok() == second.ok());
  if (!first.ok()) return;
  require(std::equal(first->tokens.begin(), first->tokens.end(), second->tokens.begin(),
                     second->tokens.end(), [](const text::Token& a, const text::Token& b) {
                       return a.id == b.id && a.begin == b.begin && a.end == b.end;
                     }));
}

}  // namespace lanewise::fuzz
