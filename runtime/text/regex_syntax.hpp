#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// A pattern of a tokenizer.json, which Hugging Face gives to Oniguruma, as PCRE2 spells it.
///
/// White space, \d and \w are written out, because the two libraries (and versions of PCRE2)
/// mean different code points by them. kUnsupported, naming it, for what the libraries understand
/// differently or what can be exponential: back references, named groups, nested classes and the
/// like. No published tokenizer has them.
Result<std::string> to_pcre2_syntax(std::string_view pattern);

}  // namespace lanewise::text
