#include "ops/rows/neighbour_rows.hpp"

#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

class NeighbourRowsTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim, int64_t before, int64_t after) const {
    return {.isa = isa(),
            .attributes = {{"before", before}, {"after", after}},
            .inputs = {{DataType::kF32, dim}},
            .output = {DataType::kF32, dim * (before + 1 + after)}};
  }

  /// `seen`: the rows of each sequence that are not 0.
  void expect_joined(const Matrix<float>& x, const Sequences& sequences,
                     const std::vector<int64_t>& seen, int64_t before, const Matrix<float>& y) {
    const int64_t dim = x.features();
    const int64_t parts = y.features() / dim;
    for (int64_t s = 0; s < sequences.count(); ++s) {
      const int64_t end = sequences.begin(s) + seen[static_cast<size_t>(s)];
      for (int64_t r = sequences.begin(s); r < sequences.end(s); ++r) {
        for (int64_t i = 0; i < dim * parts; ++i) {
          const int64_t row = r - before + i / dim;
          const bool is_there = row >= sequences.begin(s) && row < end;
          ASSERT_EQ(y.at(r, i), is_there ? x.at(row, i % dim) : 0.0f)
              << "row " << r << ", feature " << i;
        }
      }
    }
  }
};

TEST_P(NeighbourRowsTest, JoinsRowsOfOneSequence) {
  const Sequences sequences{3, 0, 1, 5};
  for (const int64_t dim : test::sizes()) {
    if (dim == 0) continue;
    const size_t shift = static_cast<size_t>(dim) % 16;
    Matrix<float> x = test::random_matrix(sequences.total(), dim, 1, 1.0f, shift, dim % 3);
    const RaggedRows ragged = sequences.rows();
    const Operand inputs[] = {x.operand(&ragged)};
    for (const auto& [before, after] :
         {std::pair<int64_t, int64_t>{1, 1}, {0, 0}, {2, 0}, {0, 7}, {7, 3}}) {
      const OperatorPtr op = test::expect_made(make_neighbour_rows(config(dim, before, after)));
      ASSERT_NE(op, nullptr);
      const Matrix<float> y = test::run_every_way(
          *op, inputs,
          Matrix<float>(sequences.total(), dim * (before + 1 + after), (shift + 3) % 16, 2),
          &ragged);
      expect_joined(x, sequences, {3, 0, 1, 5}, before, y);
    }
  }
}

TEST_P(NeighbourRowsTest, CutsManySequences) {
  const std::vector<int32_t> lengths(test::small_sizes() ? 10 : 200, 37);
  const Sequences sequences{std::span<const int32_t>(lengths)};
  Matrix<float> x = test::random_matrix(sequences.total(), 20, 1);
  const RaggedRows ragged = sequences.rows();
  const Operand inputs[] = {x.operand(&ragged)};
  const OperatorPtr op = test::expect_made(make_neighbour_rows(config(20, 1, 1)));
  ASSERT_NE(op, nullptr);
  const Matrix<float> y =
      test::run_every_way(*op, inputs, Matrix<float>(sequences.total(), 60), &ragged);
  expect_joined(x, sequences, std::vector<int64_t>(lengths.begin(), lengths.end()), 1, y);
}

TEST_P(NeighbourRowsTest, DoesNotSeeWhatNothingAttendsTo) {
  const Sequences sequences{4, 3};
  const std::vector<int32_t> attended = {2, 3};
  Matrix<float> x = test::random_matrix(sequences.total(), 5, 1);
  RaggedRows ragged = sequences.rows();
  ragged.attended = attended.data();
  const Operand inputs[] = {x.operand(&ragged)};
  const OperatorPtr op = test::expect_made(make_neighbour_rows(config(5, 1, 2)));
  ASSERT_NE(op, nullptr);
  expect_joined(x, sequences, {2, 3}, 1,
                test::run_every_way(*op, inputs, Matrix<float>(7, 20), &ragged));
}

TEST_P(NeighbourRowsTest, TakesNoRows) {
  const Sequences sequences{};
  Matrix<float> x(0, 5);
  const RaggedRows ragged = sequences.rows();
  const Operand inputs[] = {x.operand(&ragged)};
  const OperatorPtr op = test::expect_made(make_neighbour_rows(config(5, 1, 1)));
  ASSERT_NE(op, nullptr);
  test::run_every_way(*op, inputs, Matrix<float>(0, 15), &ragged);
}

TEST_P(NeighbourRowsTest, RefusesWhatDoesNotFit) {
  OperatorConfig other = config(8, 1, 1);
  other.output.features = 16;
  test::expect_error(make_neighbour_rows(other), StatusCode::kInvalidArgument, "24 features");
  test::expect_error(make_neighbour_rows(config(8, -1, 1)), StatusCode::kInvalidArgument,
                     "'before'");
  test::expect_error(make_neighbour_rows(config(8, 1, int64_t{1} << 40)),
                     StatusCode::kInvalidArgument, "'after'");
  OperatorConfig ids = config(8, 1, 1);
  ids.inputs[0].type = DataType::kI32;
  test::expect_error(make_neighbour_rows(ids), StatusCode::kInvalidArgument, "F32");
}

LW_INSTANTIATE_FOR_ISAS(NeighbourRowsTest, test::NoKernels);

}  // namespace
}  // namespace lanewise::ops
