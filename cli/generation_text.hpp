#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lanewise/generator.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// The text that `lanewise generate` prints for a source.
///
/// tokenizer  for the decoder's output; none: token ids are printed instead of texts
Result<std::string> to_json(const Generation& generation,
                            const std::optional<Tokenizer>& tokenizer);

/// The best hypothesis, on one line: line ends and other control characters of its text become
/// spaces.
Result<std::string> to_plain(const Generation& generation,
                             const std::optional<Tokenizer>& tokenizer);

/// The object in place of a source that was left out: `text` is null, `error` says why.
std::string left_out_json(const Status& why);

}  // namespace lanewise::cli
