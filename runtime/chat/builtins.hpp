#pragma once

#include <array>
#include <cstddef>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// What filters, tests, methods and functions may use.
struct Environment {
  Store store;
  const std::tm* now = nullptr;  ///< what strftime_now says; null for the system's local time
};

/// The values between the parentheses of a call.
struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> keywords;
};

/// One for each parameter; missing where none was given.
using Arguments = std::span<const Value>;

inline constexpr size_t kMaxParameters = 4;

/// A filter, test, method or function.
///
/// subject  what the filter or test is applied to, or whose method it is; missing for functions
struct Builtin {
  std::string_view name;
  Result<Value> (*call)(Environment& environment, const Value& subject, Arguments arguments);
  /// "" after the last one. A name in parentheses takes no keyword.
  std::array<std::string_view, kMaxParameters> parameters{};
  size_t required = 0;
  /// Takes any arguments; `call` is null.
  Result<Value> (*call_variadic)(Environment& environment, const Value& subject,
                                 const CallArguments& arguments) = nullptr;

  /// A method that would change its subject, which the sandbox forbids, or one that only hides a key
  /// of its name.
  bool is_forbidden() const noexcept { return call == nullptr && call_variadic == nullptr; }
  bool has_parameter(std::string_view keyword) const noexcept;
  size_t parameter_count() const noexcept;
};

/// Null if there is none.
const Builtin* find_filter(std::string_view name) noexcept;
const Builtin* find_test(std::string_view name) noexcept;
const Builtin* find_function(std::string_view name) noexcept;
const Builtin* find_method(const Value& subject, std::string_view name) noexcept;
/// Whether values of any type have a method of this name.
bool is_method(std::string_view name) noexcept;

/// Calls it. kInvalidArgument if the arguments do not fit.
Result<Value> apply(const Builtin& builtin, Environment& environment, const Value& subject,
                    const CallArguments& arguments);

/// Whether an argument was given and is true.
bool flag(const Value& argument);

/// The builtin of a table, or null.
const Builtin* find(std::span<const Builtin> table, std::string_view name) noexcept;

// The tables are where their functions are.
std::span<const Builtin> text_filters() noexcept;
std::span<const Builtin> number_filters() noexcept;
std::span<const Builtin> sequence_filters() noexcept;
std::span<const Builtin> order_filters() noexcept;
std::span<const Builtin> selection_filters() noexcept;

}  // namespace lanewise::chat
