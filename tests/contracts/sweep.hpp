#pragma once

/// Calls with each of their allocations failing in turn: the first one, the second, ... until the
/// call succeeds, each alone and each with all that follow. Every such call must return
/// kResourceExhausted, throw nothing and leak nothing; and the same call on the same object, with
/// memory again, must have the result that it always has.

#include <gtest/gtest.h>

#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "lanewise/status.hpp"
#include "tests/model/counting_new.hpp"

namespace lanewise::test {

/// What a call returned: the bytes of its result, or the message of its failure.
struct Outcome {
  StatusCode code = StatusCode::kOk;
  std::string bits;
  bool operator==(const Outcome&) const = default;
};

/// An object to call, new for each failure.
class Subject {
 public:
  virtual ~Subject() = default;
  /// Calls, with `before` and `behind` right around the call.
  virtual Outcome call(const std::function<void()>& before,
                       const std::function<void()>& behind) = 0;
};

/// Tries the call of what `make` makes. Each of the first 200 allocations fails; behind them, where
/// calls repeat themselves, fewer and fewer: each time a sixth is skipped.
void sweep(const std::string& name, const std::function<std::unique_ptr<Subject>()>& make);

/// While one exists, sweeps let a fifth as many of the first allocations fail: for calls that take
/// long and begin like others, whose allocations have all failed.
class SparseSweeps {
 public:
  SparseSweeps();
  ~SparseSweeps();
  SparseSweeps(const SparseSweeps&) = delete;
};

/// While one exists, on a CPU with AMX, a call may also have its usual result: oneDNN multiplies
/// int8 there, and our kernels take over where it gets no memory.
class OneDnnMayFail {
 public:
  OneDnnMayFail();
  ~OneDnnMayFail();
  OneDnnMayFail(const OneDnnMayFail&) = delete;
};

/// Of all sweeps of this program so far.
struct SweepTotals {
  int64_t calls = 0;
  int64_t failures = 0;
};
const SweepTotals& sweep_totals();

inline const Status& status_of(const Status& status) { return status; }
template <typename T>
const Status& status_of(const Result<T>& result) {
  return result.status();
}

template <typename Object, typename Call, typename Bits>
class CallOf final : public Subject {
 public:
  CallOf(Object object, const Call& call, const Bits& bits)
      : object_(std::move(object)), call_(call), bits_(bits) {}

  Outcome call(const std::function<void()>& before, const std::function<void()>& behind) override {
    before();
    auto returned = call_(object_);
    behind();
    Status status = status_of(returned);
    if (!status.ok()) return {status.code(), status.message()};
    return {status.code(), bits_(object_, returned)};
  }

 private:
  Object object_;
  const Call& call_;
  const Bits& bits_;
};

/// Sweeps call(object), which returns a Status or a Result, on an object of make(); bits(object,
/// returned) turns a success into bytes. A call that fails for another reason has to do so alike.
template <typename Make, typename Call, typename Bits>
void expect_contract(const std::string& name, const Make& make, const Call& call,
                     const Bits& bits) {
  SCOPED_TRACE(name);
  sweep(name, [&]() -> std::unique_ptr<Subject> {
    return std::make_unique<CallOf<decltype(make()), Call, Bits>>(make(), call, bits);
  });
}

/// The same for a call that needs no object.
template <typename Call, typename Bits>
void expect_contract(const std::string& name, const Call& call, const Bits& bits) {
  expect_contract(
      name, [] { return 0; }, [&](int) { return call(); },
      [&](int, const auto& returned) { return bits(returned); });
}

inline constexpr auto kNoBits = [](const auto&...) { return std::string(); };

template <typename T>
std::string bytes(const T* data, size_t count) {
  return std::string(reinterpret_cast<const char*>(data), count * sizeof(T));
}
template <typename List>
std::string bytes(const List& list) {
  return bytes(std::data(list), std::size(list));
}

}  // namespace lanewise::test
