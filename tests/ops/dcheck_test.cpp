#include "base/dcheck.hpp"

#include <csignal>

#include "ops/rows/slice_rows.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

/// Sanitizer and debug builds check invariants in the library, not only in its tests. CMake tells
/// which builds these are, because NDEBUG itself could be wrong.
TEST(DcheckTest, StopsACheckedBuildWhereAnInvariantIsBroken) {
  if (!LANEWISE_TEST_CHECKED) GTEST_SKIP() << "this build does not check invariants";
  const test::Sequences sequences{2, 1};
  const RaggedRows ragged = sequences.rows();
  test::Matrix<float> x = test::random_matrix(3, 4, 1);
  test::Matrix<float> y(1, 4);  // a row too few, which nothing else would notice
  const OperatorPtr op = test::expect_made(make_slice_rows({.isa = Isa::baseline,
                                                            .attributes = {{"index", int64_t{0}}},
                                                            .inputs = {{DataType::kF32, 4}},
                                                            .output = {DataType::kF32, 4}}));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand(&ragged)};
  EXPECT_EXIT(test::run_operator(*op, {inputs, y.operand()}), testing::KilledBySignal(SIGILL), "");
}

}  // namespace
}  // namespace lanewise::ops
