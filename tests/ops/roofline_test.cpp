#include "ops/roofline/roofline.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "ops/roofline/roofline_kernels.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/ops/roofline_table.hpp"

namespace lanewise::ops {
namespace {

class RooflineTest : public test::IsaTest {
 protected:
  const RooflineKernels& kernels() const { return kernels_for<RooflineKernels>(isa()); }
};

TEST_P(RooflineTest, IsAPlausibleNumber) {
  for (const Arithmetic arithmetic : {Arithmetic::kF32, Arithmetic::kI8, Arithmetic::kBf16}) {
    const double gops = measure_peak_gops(isa(), arithmetic, 0.01);
    EXPECT_TRUE(std::isfinite(gops));
    EXPECT_GT(gops, 0.0);
    EXPECT_LT(gops, 8000.0);  // 7 GHz x 2 ports x 16 lanes x 4 bytes x 2 is 1792.
  }
}

// The peaks count operations that were executed: every lane of every chain, the right number of
// times.

TEST_P(RooflineTest, EveryDotProductOfBytesIsDone) {
  constexpr size_t kSteps = 3;
  std::array<uint8_t, 64> a{};
  std::array<int8_t, 64> b{};
  int64_t product = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<uint8_t>(127 - i);
    b[i] = static_cast<int8_t>(static_cast<int>(5 * i % 256) - 128);  // -128 to 127
    product += a[i] * b[i];
  }
  const auto chains = static_cast<int64_t>(kernels().i8_chains);
  const int64_t begins = 16 * chains * (chains - 1) / 2;
  EXPECT_EQ(kernels().dot_i8(a.data(), b.data(), kSteps),
            begins + chains * static_cast<int64_t>(kSteps) * product);
}

TEST_P(RooflineTest, BytesMayHaveTheirLargestValues) {
  for (const int sign : {-128, 127}) {
    std::array<uint8_t, 64> a{};
    std::array<int8_t, 64> b{};
    a.fill(127);
    b.fill(static_cast<int8_t>(sign));
    const auto chains = static_cast<int64_t>(kernels().i8_chains);
    EXPECT_EQ(kernels().dot_i8(a.data(), b.data(), 1),
              16 * chains * (chains - 1) / 2 + chains * 64 * 127 * sign);
  }
}

/// The upper half of the float: exact for the small integers here.
uint16_t bf16(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

TEST_P(RooflineTest, EveryDotProductOfBf16IsDone) {
  EXPECT_EQ(kernels().dot_bf16 != nullptr, isa() == Isa::avx512bf16);
  if (kernels().dot_bf16 == nullptr) return;
  constexpr size_t kSteps = 3;
  std::array<uint16_t, 32> a{};
  std::array<uint16_t, 32> b{};
  float product = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<float>(i);
    const float y = 17 - 3 * x;
    a[i] = bf16(x);
    b[i] = bf16(y);
    product += x * y;
  }
  const auto chains = static_cast<float>(kernels().bf16_chains);
  const float begins = 16 * chains * (chains - 1) / 2;
  EXPECT_EQ(kernels().dot_bf16(a.data(), b.data(), kSteps), begins + chains * kSteps * product);
}

LW_INSTANTIATE_FOR_ISAS(RooflineTest, RooflineKernels);

}  // namespace
}  // namespace lanewise::ops
