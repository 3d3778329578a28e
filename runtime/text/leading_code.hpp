#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"

namespace lanewise::text {

/// Marian's language codes: the text from `open` to the next `close` at the start of a text is one
/// token, such as `>>fra<<`, or the unknown token if the vocabulary lacks it. Elsewhere the same
/// characters are ordinary text.
struct LeadingCode {
  std::string open;
  std::string close;
  std::string unk_token;

  /// The length in bytes of the code at the start of `text`; 0 if there is none.
  size_t length(std::string_view text) const noexcept;
};

/// Reads our own field `leading_code` of a tokenizer.json; `open` is empty if the field is missing.
Result<LeadingCode> read_leading_code(const base::JsonFields& file);

}  // namespace lanewise::text
