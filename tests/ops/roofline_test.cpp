#include "ops/roofline/roofline.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace lanewise::ops {
namespace {

class RooflineTest : public testing::TestWithParam<Isa> {};

TEST_P(RooflineTest, IsAPlausibleNumber) {
  if (!is_available(GetParam())) GTEST_SKIP() << "this CPU lacks " << name_of(GetParam());
  const double gflops = measure_fma_peak_gflops(GetParam(), 0.01);
  EXPECT_TRUE(std::isfinite(gflops));
  EXPECT_GT(gflops, 0.0);
  EXPECT_LT(gflops, 2000.0);  // 7 GHz x 2 ports x 16 lanes x 2 is 448.
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, RooflineTest,
                         testing::ValuesIn(all_isas().begin(), all_isas().end()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace lanewise::ops
