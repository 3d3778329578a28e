#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json_tree.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"

namespace lanewise::converters {

/// How a family of models uses a SentencePiece model.
struct SentencePieceFamily {
  struct Special {
    std::string token;
    int32_t id;
    bool lstrip = false;
  };

  /// Ids by piece, if they differ from the model's own; empty: indices.
  std::map<std::string, int32_t> vocabulary;
  std::string unk_token = "<unk>";
  std::vector<Special> specials;       ///< matched in texts literally
  std::vector<std::string> prefix;     ///< before each text; names of `specials`
  std::vector<std::string> suffix;     ///< after it
  std::vector<std::string> separator;  ///< between the two texts of a pair
  bool second_type = false;            ///< the second text, and what follows it, are of type 1
  /// Language codes such as >>fra<< at the start of a text are tokens, even if unknown.
  bool leading_codes = false;
  bool strip = false;              ///< No white space around a decoded text.
  bool separate_specials = false;  ///< A decoded special token is followed by a space.
};

/// Prefix, text and suffix as the post_processor of a tokenizer.json.
base::JsonTree template_of(const SentencePieceFamily& family);

/// Its special tokens as the added_tokens of a tokenizer.json.
base::JsonTree added_tokens_of(const SentencePieceFamily& family);

/// The tokenizer of a SentencePiece model in the form that the runtime reads (tokenizer.json with
/// types of our own; see runtime/text). A pair of texts has prefix, first, separator, second,
/// suffix.
std::string sentencepiece_json(const SentencePieceFile& file, const SentencePieceFamily& family);

}  // namespace lanewise::converters
