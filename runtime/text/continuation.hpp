#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// The length of `text` without the bytes at its end that are no character yet.
size_t closed_length(std::string_view text) noexcept;

/// The last tokens of `before`, on which the text of what continues them depends. Decoding all of a
/// long prompt for each new token would take longer than a small model.
std::span<const int32_t> context_of(std::span<const int32_t> before) noexcept;

/// What tokens add to the text of others. Decoders of whole texts strip the space that begins a word
/// where it begins the text; here it is kept.
class Continuation {
 public:
  /// Of `before`. `tokenizer` must outlive it. Fails as decode() does.
  static Result<Continuation> create(const Tokenizer& tokenizer, std::span<const int32_t> before);

  /// What `ids` add, followed by `last` if it is a token (not kNoToken). Fails as decode() does.
  Result<std::string> text(std::span<const int32_t> ids, int32_t last) const;

 private:
  Continuation(const Tokenizer& tokenizer, std::vector<int32_t> before, std::string prefix)
      : tokenizer_(&tokenizer), before_(std::move(before)), prefix_(std::move(prefix)) {}

  const Tokenizer* tokenizer_;
  std::vector<int32_t> before_;
  std::string prefix_;
};

}  // namespace lanewise::text
