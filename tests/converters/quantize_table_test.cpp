#include "converters/quantize/quantize_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "converters/quantize/quantize_rows.hpp"
#include "ops/weights/blocks/blocks.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::converters {
namespace {

std::vector<float> random_weights(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<float> w(static_cast<size_t>(count));
  for (float& x : w) x = normal(random);
  return w;
}

double error_of(const std::vector<float>& w, const QuantizedMatrix& matrix) {
  const std::vector<float> back = dequantize(matrix);
  double error = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    error += (static_cast<double>(w[i]) - back[i]) * (static_cast<double>(w[i]) - back[i]);
  }
  return error;
}

TEST(QuantizeTableTest, ValuesOfTheTableAreExact) {
  for (const float scale : {0.5F, -0.25F}) {
    std::vector<float> w;
    for (size_t i = 0; i < 64; ++i) {
      w.push_back(scale * static_cast<float>(ops::kIQ4Values[i * 7 % 16]));
    }
    EXPECT_EQ(dequantize(quantize_table(w, 2, 32)), w) << scale;
  }
  EXPECT_EQ(dequantize(quantize_table(std::vector<float>(32, 0.0F), 1, 32)),
            std::vector<float>(32, 0.0F));
}

TEST(QuantizeTableTest, CodesAreTheNearest) {
  for (const float scale : {0.01F, -2.0F}) {
    for (float w = -300.0F; w < 300.0F; w += 0.37F) {
      const auto code = static_cast<size_t>(table_code(w * std::abs(scale), scale));
      float least = INFINITY;
      for (const int8_t value : ops::kIQ4Values) {
        least = std::min(least, std::abs(w * std::abs(scale) - scale * static_cast<float>(value)));
      }
      EXPECT_NEAR(std::abs(w * std::abs(scale) - scale * static_cast<float>(ops::kIQ4Values[code])),
                  least, 1e-4F)
          << w;
    }
  }
}

/// With a quarter less to store than groups with a minimum, which have 6 bits.
TEST(QuantizeTableTest, IsAsNearAsGroupsWithMinimums) {
  const std::vector<float> w = random_weights(int64_t{64} * 256, 3);
  const double found = error_of(w, quantize_table(w, 64, 256));
  EXPECT_LT(found, 1.1 * error_of(w, quantize_int4(w, 64, 256, 32)));
  EXPECT_LT(found, 0.85 * error_of(w, quantize_int4(w, 64, 256, 32, Minimums::kNone)));
}

TEST(QuantizeTableTest, ImportantInputsAreExacter) {
  const std::vector<float> w = random_weights(32, 5);
  std::vector<float> importance(32, 1e-3F);
  importance[7] = 1e3F;
  const auto error = [&](const QuantizedMatrix& matrix) {
    return std::abs(dequantize(matrix)[7] - w[7]);
  };
  EXPECT_LT(error(quantize_table(w, 1, 32, importance)), 0.5F * error(quantize_table(w, 1, 32)));
  EXPECT_EQ(quantize_table(w, 1, 32, std::vector<float>(32, 0.0F)).values,
            quantize_table(w, 1, 32).values);
}

TEST(QuantizeTableTest, PackedWeightsHaveTheValues) {
  constexpr int64_t kN = 19;
  constexpr int64_t kK = 96;
  const std::vector<float> w = random_weights(kN * kK, 9);
  const QuantizedMatrix matrix = quantize_table(w, kN, kK);
  const ops::PackedWeight packed = ops::pack_weight(matrix);
  ops::OperatorConfig config{.inputs = {{DataType::kF32, kK}}, .output = {DataType::kF32, kN}};
  ops::set_weight(config, "weight", packed);
  const Result<ops::WeightPtr> weight = ops::bind_weight(config, "weight", kN, kK);
  ASSERT_TRUE(weight.ok()) << weight.status().message();
  const std::vector<float> expected = dequantize(matrix);
  std::vector<float> row(kK);
  for (int64_t i = 0; i < kN; ++i) {
    (*weight)->unpack_row(static_cast<size_t>(i), row.data());
    EXPECT_EQ(row, std::vector<float>(expected.begin() + i * kK, expected.begin() + (i + 1) * kK));
  }
}

TEST(QuantizeTableTest, IsForWholeGroupsOfModerateWeights) {
  EXPECT_TRUE(fits_table(std::vector<float>(64, 1.0F), 32));
  EXPECT_FALSE(fits_table(std::vector<float>(48, 1.0F), 48));
  EXPECT_FALSE(fits_table(std::vector<float>(32, 1e7F), 32));
}

}  // namespace
}  // namespace lanewise::converters
