#include <cstdint>
#include <string_view>

#include "tests/fuzz/tokenizer_case.hpp"

/// A tokenizer.json, then a zero byte, which JSON cannot contain, then a text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  const std::string_view input = fuzz::text_of(data, size);
  const size_t end = input.find('\0');
  const auto tokenizer = text::parse_tokenizer(input.substr(0, end));
  fuzz::require_message(tokenizer.status());
  if (!tokenizer.ok()) return 0;
  fuzz::use_tokenizer(**tokenizer,
                      end == std::string_view::npos
                          ? "The café's 2 naïve Ünïts, don't：走 了\t<s> 👩‍👩 ﬁ\n"
                          : input.substr(end + 1));
  return 0;
}
