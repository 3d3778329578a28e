#include "ops/roofline/roofline.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using RooflineTest = test::IsaTest;

TEST_P(RooflineTest, IsAPlausibleNumber) {
  const double gflops = measure_fma_peak_gflops(isa(), 0.01);
  EXPECT_TRUE(std::isfinite(gflops));
  EXPECT_GT(gflops, 0.0);
  EXPECT_LT(gflops, 2000.0);  // 7 GHz x 2 ports x 16 lanes x 2 is 448.
}

LW_INSTANTIATE_FOR_ISAS(RooflineTest);

}  // namespace
}  // namespace lanewise::ops
