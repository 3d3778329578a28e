#include "ops/rows/gather_rows.hpp"

#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

class GatherRowsTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim) const {
    return {.isa = isa(),
            .inputs = {{DataType::kF32, dim}, {DataType::kI32, 1}},
            .output = {DataType::kF32, dim}};
  }
};

TEST_P(GatherRowsTest, TakesRowsByTheirNumbers) {
  for (const int64_t dim : test::sizes()) {
    if (dim == 0) continue;
    for (const int64_t rows : {0, 1, 40}) {
      const size_t shift = static_cast<size_t>(dim) % 16;
      Matrix<float> x = test::random_matrix(9, dim, 1, 1.0f, shift, dim % 3);
      Matrix<int32_t> index(rows, 1, shift, dim % 2);
      test::Random random(2);
      for (int64_t r = 0; r < rows; ++r) index.at(r, 0) = random.below(9);
      const OperatorPtr op = test::expect_made(make_gather_rows(config(dim)));
      ASSERT_NE(op, nullptr);
      const Operand inputs[] = {x.operand(), index.operand()};
      const Matrix<float> y =
          test::run_every_way(*op, inputs, Matrix<float>(rows, dim, (shift + 3) % 16, 2));
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < dim; ++i) ASSERT_EQ(y.at(r, i), x.at(index.at(r, 0), i));
      }
    }
  }
}

TEST_P(GatherRowsTest, RefusesWhatDoesNotFit) {
  OperatorConfig other = config(8);
  other.output.features = 9;
  test::expect_error(make_gather_rows(other), StatusCode::kInvalidArgument, "features");
  OperatorConfig one = config(8);
  one.inputs.pop_back();
  test::expect_error(make_gather_rows(one), StatusCode::kInvalidArgument, "inputs");
  OperatorConfig floats = config(8);
  floats.inputs[1].type = DataType::kF32;
  test::expect_error(make_gather_rows(floats), StatusCode::kInvalidArgument, "I32");
  OperatorConfig wide = config(8);
  wide.inputs[1].features = 2;
  test::expect_error(make_gather_rows(wide), StatusCode::kInvalidArgument, "I32");
}

LW_INSTANTIATE_FOR_ISAS(GatherRowsTest, test::NoKernels);

}  // namespace
}  // namespace lanewise::ops
