#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lanewise/generator.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// What was generated for a source, as `lanewise generate` prints it.
///
/// tokenizer  of what the decoder writes; none: token ids stand for texts
Result<std::string> to_json(const Generation& generation,
                            const std::optional<Tokenizer>& tokenizer);

/// The best hypothesis, on one line: line ends and other control characters of its text become
/// spaces.
Result<std::string> to_plain(const Generation& generation,
                             const std::optional<Tokenizer>& tokenizer);

/// The object in place of a source that was left out: `text` is null, `error` says why.
std::string left_out_json(const Status& why);

}  // namespace lanewise::cli
