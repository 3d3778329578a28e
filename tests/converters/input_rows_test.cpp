#include "converters/quantize/input_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <memory>
#include <vector>

#include "converters/quantize/quantized_matrix.hpp"
#include "ops/linear/linear.hpp"
#include "ops/weights/weight.hpp"

/// Calibration must round activations exactly as the kernels do.

namespace lanewise::converters {
namespace {

/// x times an identity, which gives x as the kernels for that format rounded it. Ones are stored as
/// 127, whose scale is 1 in every format.
std::vector<float> rounded_by_kernels(const InputRows& x, WeightFormat format) {
  constexpr float kOne = 127.0F;
  std::vector<float> identity(static_cast<size_t>(x.k * x.k));
  for (int64_t i = 0; i < x.k; ++i) identity[static_cast<size_t>(i * x.k + i)] = kOne;
  const ops::PackedWeight weight = ops::pack_weight(format, identity.data(), x.k, x.k);
  ops::OperatorConfig config{.inputs = {{DataType::kF32, x.k}}, .output = {DataType::kF32, x.k}};
  ops::set_weight(config, "weight", weight);
  Result<ops::OperatorPtr> op = ops::make_linear(config);
  EXPECT_TRUE(op.ok()) << op.status().message();
  std::vector<float> in = x.x;
  std::vector<float> out(in.size());
  const auto operand = [&](std::vector<float>& rows) {
    return ops::Operand{.data = rows.data(), .rows = x.rows, .features = x.k, .stride = x.k};
  };
  const std::vector<ops::Operand> inputs{operand(in)};
  const ops::Operands operands{inputs, operand(out)};
  std::vector<ops::Piece> pieces;
  (*op)->cut(operands, 1, pieces);
  std::vector<float> scratch((*op)->scratch_bytes() / sizeof(float) + 16);
  void* aligned = scratch.data();
  size_t space = scratch.size() * sizeof(float);
  std::align(64, (*op)->scratch_bytes(), aligned, space);
  for (const ops::Piece& piece : pieces) {
    (*op)->run(operands, piece, static_cast<std::byte*>(aligned));
  }
  for (float& y : out) y /= kOne;
  return out;
}

TEST(InputRowsTest, AreRoundedAsTheKernelsRoundThem) {
  // How weights are stored, and how many inputs of a row are rounded together.
  struct Case {
    WeightFormat weights;  // of the identity
    WeightFormat format;   // whose inputs are rounded alike
  };
  // IQ4_NL has no zero, so no identity; inputs of all formats of blocks are rounded alike.
  constexpr Case kCases[] = {{WeightFormat::i8, WeightFormat::i8},
                             {WeightFormat::q8_0, ops::kDecoderInt4}};
  // On both sides of zero, on one side, far from it, tiny, and all zero.
  constexpr float kOffsets[] = {0.0F, 1.0F, -1.0F, 100.0F, 0.2F, 0.0F, 0.0F};
  constexpr float kSizes[] = {1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1e-30F, 0.0F};
  InputRows x{std::size(kSizes), 96, {}};
  for (size_t row = 0; row < std::size(kSizes); ++row) {
    for (int64_t i = 0; i < x.k; ++i) {
      x.x.push_back(kSizes[row] * (std::sin(static_cast<float>(i + 1) * 7.3F) + kOffsets[row]));
    }
  }
  for (const Case& c : kCases) {
    const std::vector<float> expected = rounded_by_kernels(x, c.weights);
    const InputRows rounded = rounded_rows(x, c.format);
    for (size_t row = 0; row < std::size(kSizes); ++row) {
      for (int64_t i = 0; i < x.k; ++i) {
        const size_t at = row * static_cast<size_t>(x.k) + static_cast<size_t>(i);
        EXPECT_NEAR(rounded.x[at], expected[at], 1e-4F * kSizes[row]) << row << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace lanewise::converters
