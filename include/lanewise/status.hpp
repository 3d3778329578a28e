#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lanewise/export.hpp"

namespace lanewise {

/// The kind of failure. The message of the Status says what failed and why.
enum class StatusCode {
  kOk,
  kInvalidArgument,    ///< The caller's input is wrong: a shape, a token id, invalid UTF-8.
  kNotFound,           ///< No file, tensor, operator or output has that name.
  kDataLoss,           ///< A file is truncated, inconsistent or not what it claims to be.
  kUnsupported,        ///< The input is well-formed, but this version or build cannot handle it.
  kIo,                 ///< The operating system failed to read, write or map a file.
  kResourceExhausted,  ///< A limit of memory or size would be exceeded.
  kCancelled,          ///< The caller cancelled the run, or its deadline passed.
  kInternal,           ///< A bug in lanewise. The message helps to report it.
};

/// The result of an operation: success, or an error code with a one-line message for the user.
///
/// A value type. Success allocates nothing. Thread-compatible.
class [[nodiscard]] LANEWISE_EXPORT Status {
 public:
  Status() noexcept = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const noexcept { return code_ == StatusCode::kOk; }
  StatusCode code() const noexcept { return code_; }
  /// One line without a newline: names the object, what was expected and what was found.
  const std::string& message() const noexcept { return message_; }

  /// The same error with `context` and ": " prepended to its message. Success stays success.
  Status with_context(std::string_view context) const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

LANEWISE_EXPORT Status invalid_argument(std::string message);
LANEWISE_EXPORT Status not_found(std::string message);
LANEWISE_EXPORT Status data_loss(std::string message);
LANEWISE_EXPORT Status unsupported(std::string message);
LANEWISE_EXPORT Status io_error(std::string message);
LANEWISE_EXPORT Status resource_exhausted(std::string message);
LANEWISE_EXPORT Status cancelled(std::string message);
LANEWISE_EXPORT Status internal_error(std::string message);

/// A value, or the Status that explains why there is none.
///
/// Requires ok() for value(), operator* and operator->.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit by design
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: implicit by design

  bool ok() const noexcept { return value_.has_value(); }
  const Status& status() const noexcept { return status_; }

  T& value() & noexcept { return *value_; }
  const T& value() const& noexcept { return *value_; }
  T&& value() && noexcept { return std::move(*value_); }
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return std::move(*value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace lanewise
