#pragma once

#include "lanewise/status.hpp"

namespace lanewise::base {

/// What the exception that is being handled means to a caller: kResourceExhausted for lack of
/// memory, or for a size that no container can have; kInternal with the exception's own text for
/// anything else, which is a bug of ours. Call it in a catch block only. Does not throw, even when
/// no memory is left.
Status status_of_exception() noexcept;

/// Calls `function`, which returns a Status or a Result, and turns an exception into a Status.
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
