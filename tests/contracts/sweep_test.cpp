// That allocations really fail, and that a call which keeps silent about it is noticed.

#include "tests/contracts/sweep.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "base/no_throw.hpp"

namespace lanewise::test {
namespace {

/// A number that is allocated.
std::unique_ptr<int> number(int value) { return std::make_unique<int>(value); }

TEST(Sweep, FailsEachAllocationAloneAndWithAllLaterOnes) {
  const int64_t before = sweep_totals().failures;
  expect_contract(
      "three allocations",
      [] {
        return base::no_throw([]() -> Result<int> { return *number(1) + *number(2) + *number(3); });
      },
      [](const Result<int>& sum) { return std::to_string(*sum); });
  EXPECT_EQ(sweep_totals().failures - before, 6);
}

/// Goes on without what it could not allocate.
Status silent() {
  static_cast<void>(base::no_throw([]() -> Result<int> { return *number(1); }));
  return {};
}

TEST(Sweep, NoticesACallThatSucceedsAllTheSame) {
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    expect_contract(
        "silent", [] { return silent(); }, [](const Status&) { return ""; });
  }
  EXPECT_GT(failures.size(), 0);
}

}  // namespace
}  // namespace lanewise::test
