#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "ops/linear/linear.hpp"
#include "ops/norm/layer_norm.hpp"
#include "ops/norm/rms_norm.hpp"
#include "ops/weights/i4/i4_kernels.hpp"
#include "ops/weights/i8/i8_kernels.hpp"
#include "tests/ops/linear_layers.hpp"
#include "tests/ops/op_test.hpp"

/// Linear layers that absorb a norm of their input: bit by bit equal to the norm followed by the
/// layer.

namespace lanewise::ops {
namespace {

using test::I4Layer;
using test::I8Layer;
using test::Matrix;

constexpr auto kLinearNormInvalid = StatusCode::kInvalidArgument;

/// A norm of k features.
struct TestNorm {
  std::string op;
  std::vector<float> weight;
  std::vector<float> bias;  // empty: none
  double eps;

  TensorView view(const std::vector<float>& values) const {
    return {DataType::kF32, values.data(), {static_cast<int64_t>(values.size())}};
  }

  OperatorPtr make(Isa isa) const {
    const auto k = static_cast<int64_t>(weight.size());
    OperatorConfig config = test::config_of(isa, k, k);
    config.attributes.set("eps", eps);
    config.weights["weight"] = view(weight);
    if (!bias.empty()) config.weights["bias"] = view(bias);
    return test::expect_made(op == "rms_norm" ? make_rms_norm(config) : make_layer_norm(config));
  }

  /// Adds it to a linear layer.
  void add_to(OperatorConfig& linear) const {
    linear.attributes.set("norm", op);
    linear.attributes.set("norm_eps", eps);
    linear.weights["norm_weight"] = view(weight);
    if (!bias.empty()) linear.weights["norm_bias"] = view(bias);
  }
};

std::vector<TestNorm> norms_of(int64_t k) {
  const auto size = static_cast<size_t>(k);
  test::Random random(static_cast<uint64_t>(k));
  return {{"layer_norm", random.floats(size, 2.0f), random.floats(size), 1e-5},
          {"layer_norm", random.floats(size, 2.0f), {}, 1e-3},
          {"rms_norm", random.floats(size, 2.0f), {}, 1e-6}};
}

::testing::AssertionResult linear_norm_same_bits(const Matrix<float>& a, const Matrix<float>& b) {
  const std::vector<float> x = a.values(), y = b.values();
  const bool same =
      x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
  return same ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << "bits differ";
}

/// `linear` with the norm gives the bits of the norm followed by `linear`.
void expect_same(const OperatorConfig& linear, const TestNorm& norm, Matrix<float>& x) {
  SCOPED_TRACE(::testing::Message() << x.rows() << " x " << x.features() << " " << norm.op
                                    << (norm.bias.empty() ? "" : " with bias"));
  OperatorConfig with_norm = linear;
  norm.add_to(with_norm);
  const OperatorPtr first = norm.make(linear.isa);
  const OperatorPtr second = test::expect_made(make_linear(linear));
  const OperatorPtr both = test::expect_made(make_linear(with_norm));
  ASSERT_TRUE(first != nullptr && second != nullptr && both != nullptr);
  EXPECT_GT(both->scratch_bytes(), second->scratch_bytes());
  std::vector<Operand> inputs{x.operand()};
  Matrix<float> normalised(x.rows(), x.features());
  test::run_operator(*first, {inputs, normalised.operand()});
  Matrix<float> residual = test::random_matrix(x.rows(), linear.output.features, 4);
  if (linear.inputs.size() > 1) inputs.push_back(residual.operand());
  const Matrix<float> y(x.rows(), linear.output.features);
  const Matrix<float> found = test::run_every_way(*both, inputs, y);
  inputs[0] = normalised.operand();
  ASSERT_TRUE(linear_norm_same_bits(found, test::run_every_way(*second, inputs, y)));
}

std::vector<int64_t> inputs_of_layers() {
  std::vector<int64_t> all;
  for (int64_t k = 1; k <= 40; ++k) all.push_back(k);
  for (const int64_t k : {63, 64, 65, 127, 128, 129, 512, 1000}) all.push_back(k);
  return all;
}

class LinearI8NormTest : public test::IsaTest {};

TEST_P(LinearI8NormTest, HasTheBitsOfTheTwoOperators) {
  for (const int64_t k : inputs_of_layers()) {
    I8Layer layer = test::random_i8(k, 1 + k % 37, static_cast<uint64_t>(k));
    // Rows with a mean far from zero, not aligned to cache lines.
    Matrix<float> x = test::random_matrix(1 + k % 14, k, 7, 3.0f, static_cast<size_t>(k % 16), 3);
    for (int64_t r = 0; r < x.rows(); ++r) x.at(r, k / 2) += 20.0f;
    for (const TestNorm& norm : norms_of(k)) expect_same(layer.config(isa()), norm, x);
  }
}

TEST_P(LinearI8NormTest, FactorsOfInputsMultiplyBehindTheNorm) {
  for (const int64_t k : {17, 48}) {
    I8Layer layer = test::random_i8(k, 20, 5);
    const std::vector<float> factors = test::Random(9).floats(static_cast<size_t>(k));
    OperatorConfig config = layer.config(isa());
    config.weights["input_scale"] = {DataType::kF32, factors.data(), {k}};
    Matrix<float> x = test::random_matrix(5, k, 8);
    for (const TestNorm& norm : norms_of(k)) expect_same(config, norm, x);
  }
}

TEST_P(LinearI8NormTest, ManyRowsAndPanelsAreCutInManyWays) {
  // More rows than a kernel processes at once, in pieces of some rows or some panels.
  for (const int64_t rows : {3, 200}) {
    I8Layer layer = test::random_i8(100, 500, 5);
    OperatorConfig config = layer.config(isa());
    config.inputs.push_back({DataType::kF32, 500});
    config.attributes.set("has_residual", true);
    config.attributes.set("activation", std::string("gelu"));
    Matrix<float> x = test::random_matrix(rows, 100, 8);
    for (const TestNorm& norm : norms_of(100)) expect_same(config, norm, x);
  }
}

TEST_P(LinearI8NormTest, SpecialNumbersComeThrough) {
  I8Layer layer = test::random_i8(33, 18, 6);
  for (const TestNorm& norm : norms_of(33)) {
    OperatorConfig config = layer.config(isa());
    norm.add_to(config);
    const OperatorPtr op = test::expect_made(make_linear(config));
    ASSERT_NE(op, nullptr);
    Matrix<float> x = test::random_matrix(3, 33, 8);
    x.at(0, 32) = std::numeric_limits<float>::quiet_NaN();
    x.at(1, 3) = std::numeric_limits<float>::infinity();
    const Matrix<float> y =
        test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(3, 18));
    for (int64_t o = 0; o < 18; ++o) {
      EXPECT_FALSE(std::isfinite(y.at(0, o)));
      EXPECT_FALSE(std::isfinite(y.at(1, o)));
      EXPECT_TRUE(std::isfinite(y.at(2, o)));
    }
    Matrix<float> zeros(1, 33);
    zeros.fill(std::vector<float>(33));
    expect_same(layer.config(isa()), norm, zeros);
  }
}

TEST_P(LinearI8NormTest, EpsIsThatOfTheNormWhereNoneIsGiven) {
  I8Layer layer = test::random_i8(24, 16, 6);
  Matrix<float> x = test::random_matrix(2, 24, 8, 1e-3f);  // small, so that eps matters
  for (TestNorm norm : norms_of(24)) {
    norm.eps = norm.op == "rms_norm" ? 1e-6 : 1e-5;
    OperatorConfig config = layer.config(isa());
    norm.add_to(config);
    const OperatorPtr given = test::expect_made(make_linear(config));
    config.attributes.erase("norm_eps");
    const OperatorPtr missing = test::expect_made(make_linear(config));
    ASSERT_TRUE(given != nullptr && missing != nullptr);
    const Matrix<float> y(2, 16);
    EXPECT_TRUE(linear_norm_same_bits(test::run_every_way(*given, std::vector{x.operand()}, y),
                                      test::run_every_way(*missing, std::vector{x.operand()}, y)));
  }
}

TEST_P(LinearI8NormTest, RefusesNormsThatDoNotFit) {
  I8Layer layer = test::random_i8(8, 4, 1);
  const std::vector<TestNorm> norms = norms_of(8);
  const TestNorm& norm = norms[0];
  const auto refused = [&](const std::string& part, const auto& change) {
    OperatorConfig config = layer.config(isa());
    norm.add_to(config);
    change(config);
    test::expect_error(make_linear(config), kLinearNormInvalid, part);
  };
  refused("'batch_norm'", [](auto& c) { c.attributes.set("norm", std::string("batch_norm")); });
  refused("'norm'", [](auto& c) { c.attributes.set("norm", true); });
  refused("'norm_eps'", [](auto& c) { c.attributes.set("norm_eps", -1.0); });
  refused("'norm_eps'", [](auto& c) { c.attributes.erase("norm"); });
  refused("'norm_weight' is missing", [](auto& c) { c.weights.erase("norm_weight"); });
  refused("'norm_weight'", [](auto& c) { c.weights["norm_weight"].shape = {7}; });
  refused("'norm_bias'", [](auto& c) { c.weights["norm_bias"].shape = {9}; });
  refused("'norm_bias'", [](auto& c) { c.attributes.set("norm", std::string("rms_norm")); });
  refused("'norm_bias'", [](auto& c) {
    c.attributes.erase("norm");
    c.attributes.erase("norm_eps");
  });
}

TEST_P(LinearI8NormTest, RefusesOtherTypesOfWeights) {
  const std::vector<TestNorm> norms = norms_of(8);
  const std::vector<float> weight(16 * 8);
  for (const DataType type : {DataType::kF32, DataType::kBF16}) {
    OperatorConfig config = test::config_of(isa(), 8, 16);
    const Shape shape = type == DataType::kF32 ? Shape{1, 8, 16} : Shape{1, 4, 16, 2};
    config.formats["weight"] = type == DataType::kF32 ? WeightFormat::f32 : WeightFormat::bf16;
    config.weights["weight"] = {type, weight.data(), shape};
    ASSERT_NE(test::expect_made(make_linear(config)), nullptr);
    norms[0].add_to(config);
    test::expect_error(make_linear(config), kLinearNormInvalid,
                       "'norm': the products of a weight in " +
                           std::string(name_of(config.formats.at("weight"))) +
                           " do not round their rows");
  }
}

LW_INSTANTIATE_FOR_ISAS(LinearI8NormTest, LinearI8Kernels);

class LinearI4NormTest : public test::IsaTest {};

TEST_P(LinearI4NormTest, HasTheBitsOfTheTwoOperators) {
  for (const int64_t k : inputs_of_layers()) {
    const int64_t group = k % 3 == 0 ? 64 : 32;
    I4Layer layer = test::random_i4(k, 1 + k % 37, group, k % 2 == 0, static_cast<uint64_t>(k));
    Matrix<float> x = test::random_matrix(1 + k % 7, k, 7, 3.0f, static_cast<size_t>(k % 16), 3);
    for (const TestNorm& norm : norms_of(k)) expect_same(layer.config(isa()), norm, x);
  }
}

TEST_P(LinearI4NormTest, FactorsOfInputsMultiplyBehindTheNorm) {
  I4Layer layer = test::random_i4(70, 20, 32, true, 5);
  const std::vector<float> factors = test::Random(9).floats(70);
  OperatorConfig config = layer.config(isa());
  config.weights["input_scale"] = {DataType::kF32, factors.data(), {70}};
  Matrix<float> x = test::random_matrix(100, 70, 8);
  for (const TestNorm& norm : norms_of(70)) expect_same(config, norm, x);
}

LW_INSTANTIATE_FOR_ISAS(LinearI4NormTest, LinearI4Kernels);

}  // namespace
}  // namespace lanewise::ops
