#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/stop_filter.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// Decodes a growing sequence of tokens piece by piece. The pieces together equal the result of
/// decode() for all tokens, provided that its text only grows. A token that is part of a character,
/// or whose text may be changed by the next one, is held back until its text is final. So is what may
/// be the beginning of a stop string, before which the text ends.
class TextStream {
 public:
  /// `tokenizer` must outlive it.
  explicit TextStream(const text::Tokenizer& tokenizer, std::vector<std::string> stop_strings = {})
      : tokenizer_(&tokenizer), filter_(std::move(stop_strings)) {}

  /// What is added from now on continues the text of `before`, for decoders that continue their
  /// prompt. Call it first. Fails as decode() does.
  Status start_after(std::span<const int32_t> before);

  /// Returns the text added by `token`; valid until the next call. Fails as decode() does.
  Result<std::string_view> add(int32_t token);
  /// Returns the text that was held back. Call it after the last token.
  Result<std::string_view> finish();

 private:
  /// What `text` adds to the text so far.
  std::string_view added_by(const std::string& text) const;
  void grow_to(std::string text) noexcept;

  const text::Tokenizer* tokenizer_;
  text::StopFilter filter_;
  std::vector<int32_t> ids_;
  std::string text_;
  size_t given_ = 0;  // bytes of text_
};

/// What `ids` add to the text of `before`: text::Continuation. Fails as decode() does.
Result<std::string> text_after(const text::Tokenizer& tokenizer, std::span<const int32_t> before,
                               std::span<const int32_t> ids);

}  // namespace lanewise::tasks
