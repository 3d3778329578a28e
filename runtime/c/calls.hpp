#pragma once

#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "lanewise/lanewise.h"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::c {

/// Keeps the message of a failure for lw_last_error(), without allocating.
lw_status report(const Status& status) noexcept;

/// Every function that can fail is one `return call([&]() -> Status { ... })`.
template <typename Body>
lw_status call(const Body& body) noexcept {
  return report(base::no_throw(body));
}

/// A pointer that the caller must give, by the name of the parameter.
struct Argument {
  const char* name;
  const void* pointer;
};
/// kInvalidArgument, naming it, if one of them is NULL.
Status check_given(std::initializer_list<Argument> arguments);

/// The texts of a call. kInvalidArgument, giving its number, if one of them is NULL.
Result<std::vector<std::string_view>> views(const char* const* texts, size_t count);

/// Moves what was made to a new handle, a struct that begins with it.
template <typename Handle, typename Made>
Status hand_over(Result<Made> made, Handle** handle) {
  if (!made.ok()) return made.status();
  *handle = new Handle{std::move(*made)};
  return {};
}

/// A struct of options as `bytes` of the caller, whose library may know fewer fields than this one,
/// or more. Fills `options` up to `known` bytes; the rest stays zero. kInvalidArgument for a size
/// that is none; kUnsupported for fields that this library does not know, unless they are zero.
Status read_struct(const char* name, const void* given, void* options, size_t known);

/// The options of a call; all zero for NULL.
template <typename Options>
Result<Options> read_options(const char* name, const Options* given) {
  Options options{};
  if (given != nullptr) {
    LW_RETURN_IF_ERROR(read_struct(name, given, &options, sizeof(Options)));
  }
  return options;
}

Result<SessionOptions> session_options(const lw_session_options* given);

/// The options of a run, and what they refer to.
struct Run {
  RunOptions options;
  std::function<void(int64_t done)> progress;
};
Result<Run> run_of(const lw_run_options* given);

}  // namespace lanewise::c
