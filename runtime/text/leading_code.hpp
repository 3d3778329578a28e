#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"

namespace lanewise::text {

/// Marian's way to be told a language: what stands between `open` and the next `close` at the start
/// of a text is one token, `>>fra<<` for instance, and an unknown one if the vocabulary lacks it.
/// Elsewhere the same characters are text.
struct LeadingCode {
  std::string open;
  std::string close;
  std::string unk_token;

  /// How many bytes of `text` are a code; 0: it begins with none.
  size_t length(std::string_view text) const noexcept;
};

/// The field `leading_code` of our own in a tokenizer.json; one without `open` where it is missing.
Result<LeadingCode> read_leading_code(const base::JsonFields& file);

}  // namespace lanewise::text
