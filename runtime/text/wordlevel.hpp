#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/token_table.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// What a text is cut into before its pieces are looked up.
enum class WordSplit {
  kWhitespace,  ///< At white space: Hugging Face's WhitespaceSplit.
  kCharacters,  ///< Each code point by itself: Split by `[\s\S]`.
};

/// A tokenizer with a plain vocabulary, for those who have no tokenizer.json.
struct WordLevelConfig {
  Vocabulary vocabulary;
  std::string unk_token;  ///< Not in the vocabulary, or empty: unknown pieces are errors.
  bool lowercase = false;
  WordSplit split = WordSplit::kWhitespace;
  std::vector<AddedToken> added_tokens;
  SpecialTemplate specials;
};

/// The tokenizer that WordLevel's tokenizer.json of these settings describes. A piece of the text
/// that neither the vocabulary nor an unknown token stands for is kInvalidArgument, naming it and
/// its byte.
///
/// Fails with kDataLoss if a special token has no id; with kResourceExhausted if an id or a token
/// is too large to be meant.
Result<std::shared_ptr<const Tokenizer>> make_wordlevel(const WordLevelConfig& config);

}  // namespace lanewise::text
