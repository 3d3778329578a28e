// slice_features and concat_features, which only copy.

#include "ops/features/concat_features.hpp"
#include "ops/features/slice_features.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

class FeaturesTest : public test::IsaTest {
 protected:
  OperatorConfig config(std::initializer_list<int64_t> inputs, int64_t output) const {
    OperatorConfig result{.isa = isa(), .output = {DataType::kF32, output}};
    for (const int64_t features : inputs) result.inputs.push_back({DataType::kF32, features});
    return result;
  }

  OperatorConfig slice(int64_t begin, int64_t dim) const {
    OperatorConfig result = config({30}, dim);
    result.attributes.set("begin", begin);
    return result;
  }
};

TEST_P(FeaturesTest, TakesFeatures) {
  Matrix<float> x = test::random_matrix(3, 30, 1, 1.0f, 2, 1);
  const Operand inputs[] = {x.operand()};
  for (const auto& [begin, dim] : {std::pair<int64_t, int64_t>{0, 30}, {0, 1}, {29, 1}, {7, 20}}) {
    const OperatorPtr op = test::expect_made(make_slice_features(slice(begin, dim)));
    ASSERT_NE(op, nullptr);
    const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(3, dim, 5, 2));
    for (int64_t r = 0; r < 3; ++r) {
      for (int64_t i = 0; i < dim; ++i) ASSERT_EQ(y.at(r, i), x.at(r, begin + i));
    }
  }
}

TEST_P(FeaturesTest, PutsFeaturesSideBySide) {
  Matrix<float> a = test::random_matrix(2, 3, 1, 1.0f, 2, 1);
  Matrix<float> b = test::random_matrix(2, 17, 2);
  const Operand inputs[] = {a.operand(), b.operand(), a.operand()};
  const OperatorPtr op = test::expect_made(make_concat_features(config({3, 17, 3}, 23)));
  ASSERT_NE(op, nullptr);
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(2, 23, 1, 1));
  for (int64_t r = 0; r < 2; ++r) {
    for (int64_t i = 0; i < 23; ++i) {
      ASSERT_EQ(y.at(r, i), i < 3 ? a.at(r, i) : i < 20 ? b.at(r, i - 3) : a.at(r, i - 20));
    }
  }
}

TEST_P(FeaturesTest, RefusesWhatDoesNotFit) {
  for (const auto& [begin, dim] :
       {std::pair<int64_t, int64_t>{-1, 2}, {29, 2}, {31, 1}, {INT64_MAX, 2}, {0, 0}}) {
    test::expect_error(make_slice_features(slice(begin, dim)), StatusCode::kInvalidArgument,
                       "'begin'");
  }
  test::expect_error(make_slice_features(config({8, 8}, 8)), StatusCode::kInvalidArgument,
                     "inputs");
  test::expect_error(make_concat_features(config({3, 4}, 8)), StatusCode::kInvalidArgument,
                     "output: expected 7");
  test::expect_error(make_concat_features(config({}, 8)), StatusCode::kInvalidArgument, "inputs");
  OperatorConfig ids = config({3, 4}, 7);
  ids.inputs[1].type = DataType::kI32;
  test::expect_error(make_concat_features(ids), StatusCode::kInvalidArgument, "F32");
}

LW_INSTANTIATE_FOR_ISAS(FeaturesTest, test::NoKernels);

}  // namespace
}  // namespace lanewise::ops
