#pragma once

#include <span>
#include <string_view>

namespace lanewise::converters {

/// A `tokenizer.ggml.pre`: how a byte-level tokenizer splits text into words.
struct GgufPreTokenizer {
  std::string_view name;
  /// Regular expressions, applied one after another; both what one matches and what it does not are
  /// words of their own.
  std::span<const std::string_view> patterns;
  bool ignores_merges = false;  ///< a word that is a token is not split
  bool adds_bos = false;        ///< unless the file says otherwise
};

/// Returns null if `name` is not known.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);

}  // namespace lanewise::converters
