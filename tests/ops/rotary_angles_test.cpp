#include "ops/rotary/rotary_angles.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kRotaryAnglesTolerance = 6e-8;

class RotaryAnglesTest : public ::testing::Test {
 protected:
  OperatorConfig config(double scale = 1, bool has_positions = false) const {
    const auto pairs = static_cast<int64_t>(frequencies_.size());
    OperatorConfig result{.attributes = {{"scale", scale}, {"has_positions", has_positions}},
                          .inputs = {{DataType::kI32, 1}},
                          .output = {DataType::kF32, 2 * pairs}};
    if (has_positions) result.inputs.push_back({DataType::kI32, 1});
    result.weights["frequencies"] = {DataType::kF32, frequencies_.data(), {pairs}};
    return result;
  }

  OperatorConfig config_with_long(int64_t trained_tokens, bool has_positions) const {
    OperatorConfig result = config(1, has_positions);
    if (has_positions) result.inputs.push_back({DataType::kI32, 1});
    result.attributes.set("trained_tokens", trained_tokens);
    const auto pairs = static_cast<int64_t>(long_frequencies_.size());
    result.weights["long_frequencies"] = {DataType::kF32, long_frequencies_.data(), {pairs}};
    return result;
  }

  void expect_angles(const Matrix<float>& y, int64_t row, int64_t position, double scale,
                     bool is_long = false) const {
    const std::vector<float>& frequencies = is_long ? long_frequencies_ : frequencies_;
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const float angle = static_cast<float>(position) * frequencies[i];
      const auto at = static_cast<int64_t>(i);
      const auto pairs = static_cast<int64_t>(frequencies_.size());
      EXPECT_NEAR(y.at(row, at), scale * std::cos(double{angle}), scale * kRotaryAnglesTolerance);
      EXPECT_NEAR(y.at(row, pairs + at), scale * std::sin(double{angle}),
                  scale * kRotaryAnglesTolerance);
    }
  }

  const std::vector<float> frequencies_ = {1.0f, 0.3f, 0.01f, 1e-4f, 0.0f};
  const std::vector<float> long_frequencies_ = {0.5f, 0.1f, 0.002f, 1e-5f, 3e-6f};
};

TEST_F(RotaryAnglesTest, CountsThePositionsOfEachSequence) {
  const test::Sequences sequences({3, 0, 1, 300});
  const RaggedRows ragged = sequences.rows();
  Matrix<int32_t> ids(sequences.total(), 1, 3, 2);
  const OperatorPtr op = test::expect_made(make_rotary_angles(config()));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {ids.operand(&ragged)};
  const Matrix<float> y =
      test::run_every_way(*op, inputs, Matrix<float>(sequences.total(), 10, 1, 3), &ragged);
  for (int64_t s = 0; s < sequences.count(); ++s) {
    for (int32_t row = sequences.begin(s); row < sequences.end(s); ++row) {
      expect_angles(y, row, row - sequences.begin(s), 1);
    }
  }
}

TEST_F(RotaryAnglesTest, TakesPositionsAndAScale) {
  const std::vector<int32_t> positions = {0, 7, 131071, 1000003, 3};
  Matrix<int32_t> ids(5, 1);
  Matrix<int32_t> given(5, 1, 2, 4);
  given.fill(positions);
  const OperatorPtr op = test::expect_made(make_rotary_angles(config(1.25, true)));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {ids.operand(), given.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(5, 10));
  for (size_t r = 0; r < positions.size(); ++r) {
    expect_angles(y, static_cast<int64_t>(r), positions[r], 1.25);
  }
}

TEST_F(RotaryAnglesTest, LongSequencesHaveTheirOwnFrequencies) {
  const test::Sequences sequences({7, 8, 1, 0, 9, 300});
  const RaggedRows ragged = sequences.rows();
  Matrix<int32_t> ids(sequences.total(), 1, 3, 2);
  const OperatorPtr op = test::expect_made(make_rotary_angles(config_with_long(8, false)));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {ids.operand(&ragged)};
  const Matrix<float> y =
      test::run_every_way(*op, inputs, Matrix<float>(sequences.total(), 10, 1, 3), &ragged);
  for (int64_t s = 0; s < sequences.count(); ++s) {
    const bool is_long = sequences.end(s) - sequences.begin(s) > 8;
    for (int32_t row = sequences.begin(s); row < sequences.end(s); ++row) {
      expect_angles(y, row, row - sequences.begin(s), 1, is_long);
    }
  }
}

TEST_F(RotaryAnglesTest, AStepIsToldWhichSequencesAreLong) {
  const std::vector<int32_t> positions = {0, 70, 131071, 3, 0};
  const std::vector<int32_t> is_long = {0, 0, 1, 1, 1};
  Matrix<int32_t> ids(5, 1);
  Matrix<int32_t> given(5, 1, 2, 4);
  given.fill(positions);
  Matrix<int32_t> told(5, 1, 1, 3);
  told.fill(is_long);
  const OperatorPtr op = test::expect_made(make_rotary_angles(config_with_long(8, true)));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {ids.operand(), given.operand(), told.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(5, 10));
  for (size_t r = 0; r < positions.size(); ++r) {
    expect_angles(y, static_cast<int64_t>(r), positions[r], 1, is_long[r] != 0);
  }
}

TEST_F(RotaryAnglesTest, RefusesWhatDoesNotFit) {
  const auto expect = [](const OperatorConfig& config, const char* text) {
    test::expect_error(make_rotary_angles(config), StatusCode::kInvalidArgument, text);
  };
  expect(config(std::numeric_limits<double>::infinity()), "'scale'");
  OperatorConfig odd = config();
  odd.output.features = 9;
  expect(odd, "even number of features");
  OperatorConfig other = config();
  other.output.features = 8;
  expect(other, "'frequencies'");
  OperatorConfig inputs = config(1, true);
  inputs.inputs.pop_back();
  expect(inputs, "expected 2 inputs");
  expect(config_with_long(-1, false), "'trained_tokens'");
  OperatorConfig untold = config_with_long(8, true);
  untold.inputs.pop_back();
  expect(untold, "expected 3 inputs");
  OperatorConfig incomplete = config_with_long(8, false);
  incomplete.weights.erase("long_frequencies");
  expect(incomplete, "'long_frequencies'");
  OperatorConfig floats = config();
  floats.inputs[0].type = DataType::kF32;
  expect(floats, "I32");
}

}  // namespace
}  // namespace lanewise::ops
