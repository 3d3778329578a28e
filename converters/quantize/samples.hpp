#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Token ids that a model is run on: to see what its weights are multiplied by, and to compare.
struct Sample {
  std::vector<int32_t> source;
  std::vector<int32_t> target;  ///< what a decoder is given; empty where there is none
};

/// Texts of several languages and kinds, for models of which nobody says what they will read.
std::vector<std::string> builtin_texts();

/// The lines of a text file, without empty ones. Fails as opening a file does, and with
/// kInvalidArgument, naming file and line, for one that is not UTF-8 or a file without texts.
Result<std::vector<std::string>> read_texts(const std::string& path);

/// What becomes of a text that the tokenizer refuses.
enum class Refused {
  kError,  ///< naming the text by its number from 1
  kSkip,   ///< a model of single words makes nothing of a sentence
};

/// Samples of `texts`, each cut to what the model takes at once. For a model that generates, the
/// target is what it generates greedily, so that the decoder sees its own words. Texts whose
/// tokens the model does not know are left out. Empty for a model without a tokenizer.
Result<std::vector<Sample>> make_samples(const Model& model, const std::vector<std::string>& texts,
                                         Refused refused = Refused::kError);

}  // namespace lanewise::converters
