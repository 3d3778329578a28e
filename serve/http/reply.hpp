#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::serve {

/// Writes a piece of an answer; false if the client is gone.
using WritePiece = std::function<bool(std::string_view piece)>;

/// An answer.
struct Reply {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};  ///< more of them
  int retry_after = 0;  ///< seconds; 0: the client is not told to come again
  /// Instead of `body`: called once, writes the answer piece by piece. False breaks the connection
  /// off, so that the client sees that the answer is incomplete.
  std::function<bool(const WritePiece& write)> stream{};
};

/// How errors look.
enum class ErrorStyle {
  kOpenAi,  ///< {"error": {"message", "type", "param", "code"}}
  kTei,     ///< {"error", "error_type"}, as text-embeddings-inference
};

Reply error_reply(ErrorStyle style, int status, std::string_view message);

/// The answer for a failure of the library, or of reading the request.
Reply error_reply(ErrorStyle style, const Status& status);

/// The part of a message that names a field: `input` of `input: expected ...`; else empty.
std::string_view field_of(std::string_view message) noexcept;

}  // namespace lanewise::serve
