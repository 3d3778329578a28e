#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "runtime/tasks/source_language.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::internal {

/// The data of a Tokenizer. Immutable.
class TokenizerData {
 public:
  explicit TokenizerData(std::shared_ptr<const text::Tokenizer> tokenizer,
                         std::optional<tasks::SourceLanguage> language = {})
      : tokenizer_(std::move(tokenizer)), language_(language) {}

  const std::shared_ptr<const text::Tokenizer>& shared() const noexcept { return tokenizer_; }
  const text::Tokenizer& tokenizer() const noexcept { return *tokenizer_; }
  /// The source language, if it is not the tokenizer's own.
  const std::optional<tasks::SourceLanguage>& language() const noexcept { return language_; }

 private:
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::optional<tasks::SourceLanguage> language_;
};

}  // namespace lanewise::internal
