#include "ops/rows/slice_rows.hpp"

#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

class SliceRowsTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim, int64_t index) const {
    return {.isa = isa(),
            .attributes = {{"index", index}},
            .inputs = {{DataType::kF32, dim}},
            .output = {DataType::kF32, dim}};
  }
};

TEST_P(SliceRowsTest, TakesOneRowOfEachSequence) {
  const Sequences sequences{3, 0, 1, 5};
  for (const int64_t dim : test::sizes()) {
    if (dim == 0) continue;
    const size_t shift = static_cast<size_t>(dim) % 16;
    Matrix<float> x = test::random_matrix(sequences.total(), dim, 1, 1.0f, shift, dim % 3);
    const RaggedRows ragged = sequences.rows();
    const Operand inputs[] = {x.operand(&ragged)};
    for (const int64_t index : {-6, -5, -2, -1, 0, 1, 4, 5, INT32_MAX, INT32_MIN}) {
      const OperatorPtr op = test::expect_made(make_slice_rows(config(dim, index)));
      ASSERT_NE(op, nullptr);
      const Matrix<float> y =
          test::run_every_way(*op, inputs, Matrix<float>(4, dim, (shift + 3) % 16, 2));
      for (int64_t s = 0; s < 4; ++s) {
        const int64_t length = sequences.end(s) - sequences.begin(s);
        const int64_t row = index < 0 ? length + index : index;
        for (int64_t i = 0; i < dim; ++i) {
          const bool exists = row >= 0 && row < length;
          ASSERT_EQ(y.at(s, i), exists ? x.at(sequences.begin(s) + row, i) : 0.0f);
        }
      }
    }
  }
}

TEST_P(SliceRowsTest, RefusesWhatDoesNotFit) {
  OperatorConfig other = config(8, 0);
  other.output.features = 9;
  test::expect_error(make_slice_rows(other), StatusCode::kInvalidArgument, "features");
  test::expect_error(make_slice_rows(config(8, int64_t{1} << 40)), StatusCode::kInvalidArgument,
                     "'index'");
  OperatorConfig text = config(8, 0);
  text.attributes.set("index", std::string("first"));
  test::expect_error(make_slice_rows(text), StatusCode::kInvalidArgument, "'index'");
}

LW_INSTANTIATE_FOR_ISAS(SliceRowsTest, test::NoKernels);

}  // namespace
}  // namespace lanewise::ops
