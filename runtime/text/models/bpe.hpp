#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// All that a BPE model is.
struct BpeConfig {
  Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  ///< the first is done first
  std::optional<std::string> unk_token;  ///< Without one, characters that have no token vanish.
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unk = false;       ///< One unknown token for a run of them.
  bool byte_fallback = false;  ///< Tokens of bytes for characters that have none.
  bool ignore_merges = false;  ///< A word that is a token is that token.
};

/// Byte-pair encoding as Hugging Face's BPE. A word of n characters takes n log n, whatever it is.
///
/// kDataLoss if a merge has no token, or the unknown token none.
Result<SubwordModelPtr> make_bpe(BpeConfig config);

/// The model of a tokenizer.json whose type is BPE. kUnsupported with dropout.
Result<BpeConfig> bpe_from_json(const base::JsonFields& model);

}  // namespace lanewise::text
