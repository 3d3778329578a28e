#pragma once

#include "lanewise/status.hpp"

namespace lanewise::base {

/// Converts the exception being handled to a Status: kResourceExhausted for lack of memory, or for
/// a size that no container can have; kInternal with the exception's text for anything else, which
/// is a bug of ours. Call it in a catch block only. Does not throw, even if no memory is left.
Status status_of_exception() noexcept;

/// Calls `function`, which returns a Status or a Result, and converts an exception to a Status.
/// Every public function that can allocate is one `return no_throw([&] { ... })`.
template <typename Function>
auto no_throw(Function&& function) noexcept -> decltype(function()) {
  try {
    return function();
  } catch (...) {
    return status_of_exception();
  }
}

}  // namespace lanewise::base
