#include <cstdint>
#include <string_view>

#include "converters/tokenizers/families.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"
#include "tests/fuzz/tokenizer_case.hpp"

/// A SentencePiece model by itself, or as a family uses it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  const std::string_view bytes = fuzz::text_of(data, size);
  const auto file = converters::read_sentencepiece_file(bytes);
  fuzz::require_message(file.status());
  if (!file.ok()) return 0;
  for (const auto& piece : file->pieces) fuzz::require(!piece.text.empty());
  // One family per input, because normalizers are slow.
  const auto json = size % 4 == 0   ? converters::llama_tokenizer(bytes)
                    : size % 4 == 1 ? converters::t5_tokenizer(bytes, 3)
                    : size % 4 == 2 ? converters::mbart_tokenizer(bytes, "de_DE")
                                    : converters::plain_tokenizer(bytes);
  fuzz::require_message(json.status());
  if (!json.ok()) return 0;
  const auto tokenizer = text::parse_tokenizer(*json);
  fuzz::require_message(tokenizer.status());
  if (tokenizer.ok()) {
    fuzz::use_tokenizer(**tokenizer,
                        "The café's 2 naïve Ünïts：走 了\t<s> 👩‍👩 ﬁ <0x41> \n");
  }
  return 0;
}
