// The attention weights of the real all-MiniLM-L6-v2 against PyTorch
// (tests/reference/make_attention_golden.py).

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "lanewise/attention.hpp"
#include "tests/model/golden.hpp"

namespace lanewise {
namespace {

constexpr double kAttentionTolerance = 1e-5;

class ModelMinilmAttentionTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Texts, ModelMinilmAttentionTest, ::testing::Values(0, 1));

TEST_P(ModelMinilmAttentionTest, EqualsPyTorch) {
  const TensorMap tensors = test::golden("attention");
  const std::string number = std::to_string(GetParam());
  const Tensor& bytes = tensors.at("text" + number);
  const std::string text(bytes.as<char>(), static_cast<size_t>(bytes.shape()[0]));
  const Tensor& expected = tensors.at("attention" + number);  // [layers, heads, queries, keys]
  const int64_t tokens = expected.shape()[3];

  const Result<TextAttention> found =
      attention_of_text(test::minilm(), text, std::nullopt, {.outputs = {}}, {});
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(static_cast<int64_t>(found->source.size()), tokens);
  ASSERT_EQ(static_cast<int64_t>(found->maps.size()), expected.shape()[0]);
  const auto* golden = expected.as<float>();
  double worst = 0;
  for (const AttentionMap& map : found->maps) {
    ASSERT_EQ(map.heads, expected.shape()[1]);
    ASSERT_EQ(map.queries, tokens);
    ASSERT_EQ(map.keys, tokens);
    double sum = 0;
    for (size_t i = 0; i < map.weights.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(map.weights[i]) - *golden++));
      sum += static_cast<double>(map.weights[i]);
      if ((i + 1) % static_cast<size_t>(tokens) != 0) continue;
      EXPECT_NEAR(sum, 1.0, kAttentionTolerance);
      sum = 0;
    }
  }
  EXPECT_LE(worst, kAttentionTolerance);
  std::printf("    attention weights: %.1e\n", worst);
}

}  // namespace
}  // namespace lanewise
