#pragma once

#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/token_table.hpp"

namespace lanewise::converters {

/// How a text is split before its pieces are looked up.
enum class WordSplit {
  kWhitespace,  ///< At white space: Hugging Face's WhitespaceSplit.
  kCharacters,  ///< Each code point by itself: Split by `[\s\S]`.
};

/// A tokenizer with a plain vocabulary, for models without a tokenizer.json.
struct PlainVocabulary {
  text::Vocabulary vocabulary;
  std::string unk_token;  ///< Not in the vocabulary, or empty: unknown pieces are errors.
  bool lowercase = false;
  WordSplit split = WordSplit::kWhitespace;
  std::vector<text::AddedToken> added_tokens;
  text::SpecialTemplate specials = text::bare_template();
};

/// The tokenizer.json of these settings, with the model WordLevel. Fails as parse_tokenizer() of it
/// does.
Result<std::string> tokenizer_json_of(const PlainVocabulary& vocabulary);

}  // namespace lanewise::converters
