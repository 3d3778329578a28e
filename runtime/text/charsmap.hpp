#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// The replacement table of a SentencePiece model (precompiled_charsmap): a double array over the
/// bytes to replace. The bytes are not trusted: whatever they hold, a look-up stays within them and
/// a replacement is UTF-8. Thread-safe.
class Charsmap {
 public:
  /// A matched prefix of a text and its replacement.
  struct Rule {
    size_t length = 0;  ///< 0: no rule
    std::string_view replacement;
  };

  /// `blob` is the size of the double array, the array, and the zero-terminated replacements. An
  /// empty one has no rules. kDataLoss if the sizes or the UTF-8 are wrong.
  static Result<Charsmap> parse(std::string_view blob);
  /// The same for base64, as in a tokenizer.json.
  static Result<Charsmap> parse_base64(std::string_view base64);

  Rule shortest(std::string_view text) const noexcept { return find(text, true); }
  Rule longest(std::string_view text) const noexcept { return find(text, false); }

 private:
  Rule find(std::string_view text, bool first) const noexcept;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace lanewise::text
