#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "ops/experts/expert_linear.hpp"
#include "ops/experts/mix_experts.hpp"
#include "ops/experts/top_experts.hpp"
#include "ops/linear/linear.hpp"
#include "ops/weights/weight.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr float kExpertsNan = std::numeric_limits<float>::quiet_NaN();

OperatorConfig top_config(int64_t experts, int64_t top_k, bool normalize) {
  return {.attributes = {{"top_k", top_k}, {"normalize", normalize}},
          .inputs = {{DataType::kF32, experts}},
          .output = {DataType::kF32, 2 * top_k}};
}

std::vector<float> top(const std::vector<float>& x, int64_t top_k, bool normalize) {
  const auto experts = static_cast<int64_t>(x.size());
  const OperatorPtr op = test::expect_made(make_top_experts(top_config(experts, top_k, normalize)));
  if (op == nullptr) return {};
  Matrix<float> row(1, experts);
  row.fill(x);
  const Operand inputs[] = {row.operand()};
  return test::run_every_way(*op, inputs, Matrix<float>(1, 2 * top_k, 3, 1)).values();
}

TEST(TopExperts, AreTheLargestInOrder) {
  const std::vector<float> x = {0.125f, 0.5f, 0.0625f, 0.25f, 0.0625f};
  EXPECT_EQ(top(x, 3, false), (std::vector<float>{1, 3, 0, 0.5f, 0.25f, 0.125f}));
  EXPECT_EQ(top(x, 5, false),
            (std::vector<float>{1, 3, 0, 2, 4, 0.5f, 0.25f, 0.125f, 0.0625f, 0.0625f}));
  const std::vector<float> normalized = top(x, 3, true);
  for (size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(normalized[3 + j], std::vector<double>({0.5, 0.25, 0.125})[j] / 0.875, 1e-6);
  }
  EXPECT_EQ(top({7.0f}, 1, true), (std::vector<float>{0, 1}));
}

TEST(TopExperts, IndicesAreValidWhateverTheyAreChosenFrom) {
  EXPECT_EQ(top({kExpertsNan, 1, 2}, 2, false), (std::vector<float>{2, 1, 2, 1}));
  const std::vector<float> none = top({kExpertsNan, kExpertsNan, kExpertsNan}, 2, true);
  EXPECT_NE(none[0], none[1]);
  for (const size_t j : {0, 1}) EXPECT_TRUE(none[j] >= 0 && none[j] <= 2) << none[j];
  EXPECT_TRUE(std::isnan(none[2]));
}

/// One after another, each the best that is left.
std::vector<float> chosen_one_by_one(const std::vector<float>& x, int64_t top_k) {
  std::vector<bool> taken(x.size());
  std::vector<float> indices;
  for (int64_t j = 0; j < top_k; ++j) {
    int64_t best = -1;
    for (size_t i = 0; i < x.size(); ++i) {
      if (taken[i]) continue;
      const auto b = static_cast<size_t>(best);
      if (best < 0 || x[i] > x[b] || std::isnan(x[b])) best = static_cast<int64_t>(i);
    }
    taken[static_cast<size_t>(best)] = true;
    indices.push_back(static_cast<float>(best));
  }
  return indices;
}

TEST(TopExperts, AreThoseOfRepeatedSearchesWhateverIsEqual) {
  test::Random random(11);
  const float values[] = {0.0f, -0.0f, 0.25f, 0.5f, kExpertsNan, -1.0f};
  for (const int64_t experts : {1, 2, 7, 64, 300}) {
    for (const int64_t top_k : {int64_t{1}, (experts + 1) / 2, experts}) {
      std::vector<float> x(static_cast<size_t>(experts));
      for (float& value : x) value = values[random.below(6)];
      std::vector<float> indices = top(x, top_k, false);
      indices.resize(static_cast<size_t>(top_k));
      EXPECT_EQ(indices, chosen_one_by_one(x, top_k)) << experts << " " << top_k;
    }
  }
}

TEST(TopExperts, RefusesWhatDoesNotFit) {
  const auto refuse = [](const OperatorConfig& config, std::string_view text) {
    test::expect_error(make_top_experts(config), StatusCode::kInvalidArgument, text);
  };
  refuse(top_config(4, 5, false), "'top_k': expected 1 to 4, found 5");
  refuse(top_config(4, 0, false), "'top_k'");
  refuse(top_config(int64_t{1} << 20, 1, false), "experts");
  OperatorConfig other = top_config(4, 2, false);
  other.output.features = 3;
  refuse(other, "routes");
}

/// Routes of `rows` tokens to `top_k` different experts each.
Matrix<float> random_routes(int64_t rows, int64_t experts, int64_t top_k, uint64_t seed) {
  test::Random random(seed);
  Matrix<float> routes(rows, 2 * top_k, 1, 3);
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t first = random.below(static_cast<int32_t>(experts));
    for (int64_t j = 0; j < top_k; ++j) {
      routes.at(row, j) = static_cast<float>((first + j * 2) % experts);
      routes.at(row, top_k + j) = random.uniform();
    }
  }
  return routes;
}

TEST(MixExperts, AddsByWeight) {
  constexpr int64_t kRows = 40, kTopK = 3;
  for (const int64_t dim : {1, 16, 37}) {
    Matrix<float> x = test::random_matrix(kRows, kTopK * dim, 1, 2.0f, 5, 1);
    Matrix<float> routes = random_routes(kRows, 7, kTopK, 2);
    const OperatorPtr op = test::expect_made(
        make_mix_experts({.inputs = {{DataType::kF32, kTopK * dim}, {DataType::kF32, 2 * kTopK}},
                          .output = {DataType::kF32, dim}}));
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand(), routes.operand()};
    const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(kRows, dim, 2, 2));
    std::vector<double> expected, bounds;
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t i = 0; i < dim; ++i) {
        double sum = 0, magnitude = 0;
        for (int64_t j = 0; j < kTopK; ++j) {
          const double product = double{routes.at(row, kTopK + j)} * x.at(row, j * dim + i);
          sum += product;
          magnitude += std::abs(product);
        }
        expected.push_back(sum);
        bounds.push_back(1e-7 * kTopK * magnitude);
      }
    }
    ASSERT_TRUE(test::within(y, expected, bounds)) << dim;
  }
}

TEST(MixExperts, RefusesWhatDoesNotFit) {
  const auto refuse = [](int64_t x, int64_t routes, int64_t y, std::string_view text) {
    test::expect_error(make_mix_experts({.inputs = {{DataType::kF32, x}, {DataType::kF32, routes}},
                                         .output = {DataType::kF32, y}}),
                       StatusCode::kInvalidArgument, text);
  };
  refuse(12, 6, 5, "expected 3 times 5 features, found 12");
  refuse(12, 5, 6, "routes");
  refuse(0, 0, 0, "routes");
}

/// Experts, and each of their matrices as a linear layer.
class ExpertLinearTest : public test::IsaTest {
 protected:
  static constexpr int64_t kExperts = 5, kTopK = 2;

  void make(WeightFormat format, int64_t n, int64_t k, bool per_expert) {
    n_ = n;
    k_ = k;
    const int64_t padded = (n + 15) / 16 * 16;
    const std::vector<float> w =
        test::Random(3).floats(static_cast<size_t>(kExperts * padded * k), 0.5f);
    packed_.clear();
    packed_.push_back(pack_weight(format, w.data(), kExperts * padded, k));
    for (int64_t e = 0; e < kExperts; ++e) {
      packed_.push_back(pack_weight(format, w.data() + e * padded * k, n, k));
    }
    config_ = {
        .isa = isa(),
        .attributes = {{"experts", kExperts}, {"per_expert", per_expert}},
        .inputs = {{DataType::kF32, per_expert ? kTopK * k : k}, {DataType::kF32, 2 * kTopK}},
        .output = {DataType::kF32, kTopK * n_}};
    set_weight(config_, "weight", packed_.front());
  }

  OperatorPtr linear_of(int64_t expert) const {
    OperatorConfig config{
        .isa = isa(), .inputs = {{DataType::kF32, k_}}, .output = {DataType::kF32, n_}};
    set_weight(config, "weight", packed_[static_cast<size_t>(expert) + 1]);
    return test::expect_made(make_linear(config));
  }

  /// Each token's part for an expert has the bits of that expert's linear layer.
  void expect_linears(int64_t rows, bool per_expert) {
    const int64_t inputs_each = per_expert ? kTopK : 1;
    Matrix<float> x = test::random_matrix(rows, inputs_each * k_, 1, 2.0f, 3, 5);
    Matrix<float> routes = random_routes(rows, kExperts, kTopK, 7);
    const OperatorPtr op = test::expect_made(make_expert_linear(config_));
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand(), routes.operand()};
    const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(rows, kTopK * n_, 1, 2));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t j = 0; j < kTopK; ++j) {
        const OperatorPtr linear = linear_of(static_cast<int64_t>(routes.at(row, j)));
        ASSERT_NE(linear, nullptr);
        Matrix<float> one(1, k_);
        std::memcpy(one.row(0), x.row(row) + (per_expert ? j * k_ : 0),
                    static_cast<size_t>(k_) * sizeof(float));
        Matrix<float> expected(1, n_);
        const Operand of_one[] = {one.operand()};
        test::run_operator(*linear, {of_one, expected.operand()});
        for (int64_t i = 0; i < n_; ++i) {
          ASSERT_EQ(y.at(row, j * n_ + i), expected.at(0, i)) << row << " " << j << " " << i;
        }
      }
    }
  }

  int64_t n_ = 0;
  int64_t k_ = 0;
  std::vector<PackedWeight> packed_;
  OperatorConfig config_;
};

TEST_P(ExpertLinearTest, HasTheBitsOfEachExpertsLinear) {
  for (const WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::i8}) {
    for (const bool per_expert : {false, true}) {
      for (const int64_t n : {48, 37, 5}) {
        make(format, n, 40, per_expert);
        for (const int64_t rows : {1, 2, 13}) expect_linears(rows, per_expert);
      }
    }
  }
}

TEST_P(ExpertLinearTest, MoreRowsThanAreMultipliedAtOnce) {
  make(WeightFormat::f32, 48, 24, false);
  expect_linears(150, false);
}

TEST_P(ExpertLinearTest, RefusesWhatDoesNotFit) {
  make(WeightFormat::f32, 48, 24, true);
  const auto refuse = [&](auto change, StatusCode code, std::string_view text) {
    OperatorConfig config = config_;
    change(config);
    test::expect_error(make_expert_linear(config), code, text);
  };
  constexpr auto kInvalid = StatusCode::kInvalidArgument;
  refuse([](OperatorConfig& c) { c.output.features = 97; }, kInvalid, "output");
  refuse([](OperatorConfig& c) { c.output.features = 2 * 64; }, kInvalid, "weight");
  refuse([](OperatorConfig& c) { c.inputs[0].features = 47; }, kInvalid, "x");
  refuse([](OperatorConfig& c) { c.inputs[1].features = 3; }, kInvalid, "routes");
  refuse([](OperatorConfig& c) { c.attributes.set("experts", int64_t{0}); }, kInvalid, "'experts'");
  refuse([](OperatorConfig& c) { c.attributes.set("experts", int64_t{6}); }, kInvalid, "weight");
}

LW_INSTANTIATE_FOR_ISAS(ExpertLinearTest, test::NoKernels);

}  // namespace
}  // namespace lanewise::ops
