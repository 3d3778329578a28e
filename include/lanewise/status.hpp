#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lanewise/export.hpp"

namespace lanewise {

/// What kind of failure a Status reports. The message says which thing failed and why.
enum class StatusCode {
  kOk,
  kInvalidArgument,    ///< The caller's input is wrong: a shape, a token id, a text that is not
                       ///< UTF-8.
  kNotFound,           ///< A file, tensor, operator or output of that name does not exist.
  kDataLoss,           ///< A file is truncated, contradicts itself or is not what it says.
  kUnsupported,        ///< Well-formed, but this build or this version cannot do it.
  kIo,                 ///< The operating system refused to read, write or map.
  kResourceExhausted,  ///< A limit of memory or size would be passed.
  kCancelled,          ///< The caller cancelled the run, or its deadline passed.
  kInternal,           ///< A bug in lanewise. The message helps to report it.
};

/// The outcome of an operation: success, or a code with a one-line message for people.
///
/// A value type. Cheap on success (no allocation). Thread-compatible.
class [[nodiscard]] LANEWISE_EXPORT Status {
 public:
  Status() noexcept = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const noexcept { return code_ == StatusCode::kOk; }
  StatusCode code() const noexcept { return code_; }
  /// One line, no trailing newline; names the thing, what was expected and what was found.
  const std::string& message() const noexcept { return message_; }

  /// The same failure with `context` and ": " before its message; success stays success.
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

/// A value, or the Status that says why there is none.
///
/// value(), operator* and operator-> may be called only when ok().
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
