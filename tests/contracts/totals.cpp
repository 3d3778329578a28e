#include <gtest/gtest.h>

#include <cstdio>

#include "tests/contracts/sweep.hpp"

namespace lanewise::test {
namespace {

/// Says at the end how much was tried.
class PrintTotals final : public ::testing::Environment {
 public:
  void TearDown() override {
    const SweepTotals& totals = sweep_totals();
    std::printf("%lld calls, %lld failed allocations\n", static_cast<long long>(totals.calls),
                static_cast<long long>(totals.failures));
  }
};

const auto* const kPrintTotals = ::testing::AddGlobalTestEnvironment(new PrintTotals);

}  // namespace
}  // namespace lanewise::test
