#pragma once

#include <cstdint>
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
  kNone,        ///< The whole text is one token.
  kWhitespace,  ///< At white space: Hugging Face's WhitespaceSplit.
  kWords,       ///< Runs of word characters, and runs of others, none of them space: Whitespace.
  kCharacters,  ///< Each code point by itself: Split by `[\s\S]`.
  kDots,        ///< The same, but line feeds in a row are one piece: Split by `.`.
};

/// All that a tokenizer with a plain vocabulary is.
struct WordLevelConfig {
  Vocabulary vocabulary;
  std::string unk_token;  ///< Not in the vocabulary, or empty: unknown pieces are errors.
  bool lowercase = false;
  WordSplit split = WordSplit::kWhitespace;
  std::vector<AddedToken> added_tokens;
  SpecialTemplate specials;
  bool fuse = false;  ///< Decoding joins tokens without spaces.
};

/// Equal to Hugging Face's WordLevel in ids and offsets. A piece of the text that neither the
/// vocabulary nor an unknown token stands for is kInvalidArgument, naming it and its byte.
///
/// Fails with kDataLoss if a special token has no id; with kResourceExhausted if an id or a token
/// is too large to be meant.
Result<std::shared_ptr<const Tokenizer>> make_wordlevel(WordLevelConfig config);

}  // namespace lanewise::text
