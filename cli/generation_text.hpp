#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// How generated ids become text.
struct GeneratedText {
  std::optional<Tokenizer> tokenizer;  ///< of what the decoder writes; none: ids stand for texts
  bool continues = false;              ///< the model is a decoder alone, which continues its prompt
  std::vector<std::string> stop_strings;  ///< texts end before the first of them
  bool logprobs = false;                  ///< objects have `logprobs`
  bool trims = false;                     ///< texts begin without the space before their first word
};

/// The text of a hypothesis. Requires a tokenizer.
Result<std::string> text_of(const Hypothesis& hypothesis, const GeneratedText& text,
                            const std::vector<int32_t>& source);

/// What was generated for `source`, as `lanewise generate` prints it. `echo` stands before each text.
Result<std::string> to_json(const Generation& generation, const GeneratedText& text,
                            const std::vector<int32_t>& source, std::string_view echo = {});

/// The best hypothesis. Its text is on one line, where line ends and other control characters
/// become spaces, unless it continues a prompt.
Result<std::string> to_plain(const Generation& generation, const GeneratedText& text,
                             const std::vector<int32_t>& source, std::string_view echo = {});

/// The object in place of a source that was left out: `text` is null, `error` says why.
std::string left_out_json(const Status& why);

}  // namespace lanewise::cli
