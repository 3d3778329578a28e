#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// Translates a pattern of a tokenizer.json, which Hugging Face passes to Oniguruma, to PCRE2's
/// syntax.
///
/// White space, \d and \w are written out, because the two libraries (and versions of PCRE2)
/// disagree on their code points. kUnsupported, naming it, for what the libraries interpret
/// differently or what can be exponential: back references, named groups, nested classes and the
/// like. No published tokenizer uses them.
Result<std::string> to_pcre2_syntax(std::string_view pattern);

}  // namespace lanewise::text
