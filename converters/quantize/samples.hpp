#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Token ids to run a model on, in order to capture the inputs of its weights or compare outputs.
struct Sample {
  std::vector<int32_t> source;
  std::vector<int32_t> target;  ///< the decoder's input; empty if there is no decoder
};

/// Texts of several languages and kinds, used if the user supplies none.
std::vector<std::string> builtin_texts();

/// Reads the non-empty lines of a text file. Fails as opening a file does, and with
/// kInvalidArgument, naming file and line, if a line is not UTF-8 or the file has no text.
Result<std::vector<std::string>> read_texts(const std::string& path);

/// What to do with a text that the tokenizer refuses.
enum class Refused {
  kError,  ///< fail; the message gives the number of the text, counted from 1
  kSkip,   ///< skip it; a model of single words cannot use a sentence
};

/// Makes samples of `texts`, each truncated to the model's limit. For a model with a decoder, the
/// target is its own greedy output, so that the decoder sees realistic input. Texts whose tokens
/// the model does not know are skipped. Returns nothing for a model without a tokenizer.
Result<std::vector<Sample>> make_samples(const Model& model, const std::vector<std::string>& texts,
                                         Refused refused = Refused::kError);

}  // namespace lanewise::converters
