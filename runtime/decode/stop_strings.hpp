#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/generate/search.hpp"
#include "runtime/text/continuation.hpp"

namespace lanewise::decode {

/// GenerationOptions::stop_strings for one source: ends a hypothesis whose text contains one of
/// them, or whose last token is a special token of that name.
class StopStrings final : public generate::StopRule {
 public:
  /// strings    outlive this
  /// tokenizer  of what the decoder writes; outlives this
  /// before     what the new tokens continue; empty behind an encoder
  static Result<StopStrings> create(const std::vector<std::string>& strings,
                                    const text::Tokenizer& tokenizer,
                                    std::span<const int32_t> before);

  bool ends(std::span<const int32_t> ids, int32_t token) override;

  /// A failure of ends(), which then returned false.
  const Status& status() const noexcept { return status_; }

 private:
  StopStrings(const std::vector<std::string>& strings, text::Continuation continuation)
      : strings_(&strings), continuation_(std::move(continuation)) {}

  const std::vector<std::string>* strings_;
  text::Continuation continuation_;
  std::vector<int32_t> tokens_;  // special tokens that are stop strings
  Status status_;
};

}  // namespace lanewise::decode
