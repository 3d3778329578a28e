#include "ops/attention/append_kv.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ops/attention/kv_page.hpp"
#include "tests/ops/op_test.hpp"

// What paged_attention makes of the pages is tested in paged_attention_test.cpp.

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr int64_t kHeads = 4, kKvHeads = 2, kHeadDim = 5;
constexpr KvPage kPage{kKvHeads, kHeadDim};

OperatorConfig config_of(std::vector<int64_t> features) {
  OperatorConfig config;
  config.attributes = {{"heads", kHeads}, {"kv_heads", kKvHeads}, {"head_dim", kHeadDim}};
  for (const int64_t count : features) config.inputs.push_back({DataType::kF32, count});
  config.inputs.push_back({DataType::kF32, kPage.floats()});
  config.output.features = kHeads * kHeadDim;
  return config;
}

/// 18 tokens of a sequence of 21: the last entries of its first page, and five of its second.
class AppendKvTest : public ::testing::TestWithParam<int> {
 protected:
  static constexpr int32_t kLength = 21, kNew = 18;
  static constexpr int64_t kOffset = 16;

  std::vector<int64_t> features() const {
    const int64_t q = kHeads * kHeadDim, kv = kKvHeads * kHeadDim;
    if (GetParam() == 1) return {q + 2 * kv};
    return GetParam() == 2 ? std::vector{q, 2 * kv} : std::vector{q, kv, kv};
  }

  /// Element i of what a token brings: q | k | v.
  static float& element(std::vector<Matrix<float>>& inputs, int64_t token, int64_t i) {
    size_t input = 0;
    while (i >= inputs[input].features()) i -= inputs[input++].features();
    return inputs[input].at(token, i);
  }
};

TEST_P(AppendKvTest, WritesToTheLastEntriesOfASequence) {
  std::vector<Matrix<float>> inputs;
  for (const int64_t count : features()) inputs.emplace_back(kNew, count, 1, 3);
  const int64_t all = (kHeads + 2 * kKvHeads) * kHeadDim;
  for (int64_t token = 0; token < kNew; ++token) {
    for (int64_t i = 0; i < all; ++i) {
      element(inputs, token, i) = static_cast<float>(1000 * token + i);
    }
  }
  const size_t floats = static_cast<size_t>(kOffset + kPage.floats());
  std::vector<float> memory(2 * floats, -1.0f);
  float* const pages[] = {memory.data() + floats, memory.data()};
  float* const* const sequences[] = {pages};
  const RowTables tables{nullptr, &kLength, 1, sequences};
  const int32_t offsets[] = {0, kNew};
  const RaggedRows ragged{offsets, 1};
  std::vector<Operand> operands;
  for (auto& input : inputs) operands.push_back(input.operand(&ragged));
  operands.push_back({.features = kPage.floats(), .stride = kOffset, .tables = &tables});
  const OperatorPtr op = test::expect_made(make_append_kv(config_of(features())));
  ASSERT_NE(op, nullptr);
  Matrix<float> q(kNew, kHeads * kHeadDim, 2, 1);
  test::run_operator(*op, {operands, q.operand(&ragged)}, 2, true);
  EXPECT_TRUE(q.guards_intact());

  for (int32_t token = 0; token < 2 * kPageTokens; ++token) {
    const float* page = pages[token / kPageTokens] + kOffset;
    const int64_t entry = token % kPageTokens;
    const bool written = token >= kLength - kNew && token < kLength;
    const auto first = static_cast<float>(1000 * (token - (kLength - kNew)));
    for (int64_t head = 0; head < kKvHeads; ++head) {
      for (int64_t i = 0; i < kHeadDim; ++i) {
        const auto k = static_cast<float>((kHeads + head) * kHeadDim + i);
        const auto v = static_cast<float>((kHeads + kKvHeads + head) * kHeadDim + i);
        const float* values = page + kPage.values(head) + entry * kPage.value_stride();
        EXPECT_EQ(page[kPage.keys(head) + i * kPageTokens + entry], written ? first + k : -1.0f);
        EXPECT_EQ(values[i], written ? first + v : -1.0f);
        EXPECT_EQ(values[kPage.value_stride() - 1], written ? 0.0f : -1.0f);
      }
    }
  }
  for (int64_t token = 0; token < kNew; ++token) {
    for (int64_t i = 0; i < kHeads * kHeadDim; ++i) {
      ASSERT_EQ(q.at(token, i), static_cast<float>(1000 * token + i));
    }
  }
  EXPECT_EQ(memory[0], -1.0f);
  EXPECT_EQ(memory[floats + kOffset - 1], -1.0f);
}

INSTANTIATE_TEST_SUITE_P(Inputs, AppendKvTest, ::testing::Values(1, 2, 3));

TEST(AppendKv, RefusesWhatDoesNotFit) {
  const auto refuse = [](auto change, std::string_view text) {
    OperatorConfig config = config_of({(kHeads + 2 * kKvHeads) * kHeadDim});
    change(config);
    test::expect_error(make_append_kv(config), StatusCode::kInvalidArgument, text);
  };
  refuse([](OperatorConfig& config) { config.inputs.back().features += 1; }, "cache");
  refuse([](OperatorConfig& config) { config.inputs.front().features += 1; }, "q | k | v");
  refuse([](OperatorConfig& config) { config.inputs.resize(1); }, "2 to 4 inputs");
  refuse([](OperatorConfig& config) { config.output.features += 1; }, "output");
  refuse([](OperatorConfig& config) { config.attributes.set("causal", true); }, "causal");
}

}  // namespace
}  // namespace lanewise::ops
