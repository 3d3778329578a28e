#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// The text of a growing sequence of tokens, piece by piece. Together the pieces are what decode()
/// gives for all tokens, as long as its text only grows; a token that is a part of a character, or
/// whose text the next one changes, is held back until it is clear.
class TextStream {
 public:
  /// `tokenizer` must outlive it.
  explicit TextStream(const text::Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  /// What the text has grown by; valid until the next call. Fails as decode() does.
  Result<std::string_view> add(int32_t token);
  /// What was held back, when no token follows.
  Result<std::string_view> finish();

 private:
  std::string_view grow_to(std::string text);

  const text::Tokenizer* tokenizer_;
  std::vector<int32_t> ids_;
  std::string text_;
  size_t given_ = 0;  // bytes of text_
};

}  // namespace lanewise::tasks
