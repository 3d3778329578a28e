#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// The tokens of a vocabulary by their ids. Holds views of strings that outlive it.
class TokenTable {
 public:
  /// Enters a token; entering the same again is fine, and an empty one is none. kDataLoss if the id
  /// has another token, kResourceExhausted if the id or the token is too large to be meant.
  Status add(std::string_view token, int32_t id);

  /// "" if no token has the id.
  std::string_view token(int32_t id) const noexcept;

  int64_t size() const noexcept { return static_cast<int64_t>(by_id_.size()); }

 private:
  std::vector<std::string_view> by_id_;
};

}  // namespace lanewise::text
