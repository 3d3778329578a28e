#include "converters/formats/elements.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace lanewise::converters {
namespace {

/// The definition of IEEE binary16.
double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 0x3ff;
  double magnitude = std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 0) magnitude = std::ldexp(fraction, -24);
  if (exponent == 31) magnitude = fraction == 0 ? HUGE_VAL : NAN;
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(ElementsTest, EveryHalfIsExact) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double expected = half_value(static_cast<uint16_t>(bits));
    const float found = half_to_f32(static_cast<uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
    } else {
      ASSERT_EQ(found, expected) << bits;
    }
    ASSERT_EQ(std::signbit(found), (bits & 0x8000) != 0) << bits;
  }
}

TEST(ElementsTest, Bfloat16IsTheUpperHalf) {
  EXPECT_EQ(bfloat16_to_f32(0x3f80), 1.0F);
  EXPECT_EQ(bfloat16_to_f32(0x0001), std::bit_cast<float>(uint32_t{0x00010000}));  // Subnormal.
  EXPECT_EQ(bfloat16_to_f32(0xff80), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(bfloat16_to_f32(0x7fc0)));
  EXPECT_TRUE(std::signbit(bfloat16_to_f32(0x8000)));
}

TEST(ElementsTest, DoublesAreRoundedToNearest) {
  const std::vector<double> source = {1.0 + 0x1p-24, 1.0 + 0x1.8p-23, 1e300, -0.0, 0x1p-149};
  std::vector<float> out(source.size());
  ASSERT_TRUE(convert_to_f32({DataType::kF64, source.data(), {5}}, out).ok());
  EXPECT_EQ(out[0], 1.0F);
  EXPECT_EQ(out[1], 1.0F + 0x1p-22F);
  EXPECT_EQ(out[2], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(out[3]));
  EXPECT_EQ(out[4], 0x1p-149F);
}

TEST(ElementsTest, ReadsMisalignedElements) {
  std::vector<std::byte> bytes(1 + 3 * sizeof(double));
  const double values[] = {0.5, -2.0, 3.0};
  std::memcpy(bytes.data() + 1, values, sizeof(values));
  std::vector<float> out(3);
  ASSERT_TRUE(convert_to_f32({DataType::kF64, bytes.data() + 1, {3}}, out).ok());
  EXPECT_EQ(out, (std::vector<float>{0.5F, -2.0F, 3.0F}));
}

TEST(ElementsTest, RefusesIntegers) {
  const int32_t value = 1;
  std::vector<float> out(1);
  const Status status = convert_to_f32({DataType::kI32, &value, {1}}, out);
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
}

}  // namespace
}  // namespace lanewise::converters
