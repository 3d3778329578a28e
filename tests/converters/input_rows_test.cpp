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

/// x times an identity of 8-bit weights, which gives x as the kernels rounded it.
std::vector<float> rounded_by_kernels(const InputRows& x) {
  QuantizedMatrix identity{.format = WeightFormat::i8, .n = x.k, .k = x.k, .group = x.k};
  identity.values.resize(static_cast<size_t>(x.k * x.k));
  identity.scales.assign(static_cast<size_t>(x.k), 1.0F);
  for (int64_t i = 0; i < x.k; ++i) identity.values[static_cast<size_t>(i * x.k + i)] = 1;
  const ops::PackedWeight weight = ops::pack_weight(identity);
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
  return out;
}

TEST(InputRowsTest, AreRoundedAsTheKernelsRoundThem) {
  // On both sides of zero, on one side, far from it, tiny, and all zero.
  constexpr float kOffsets[] = {0.0F, 1.0F, -1.0F, 100.0F, 0.2F, 0.0F, 0.0F};
  constexpr float kSizes[] = {1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1e-30F, 0.0F};
  InputRows x{std::size(kSizes), 40, {}};
  for (size_t row = 0; row < std::size(kSizes); ++row) {
    for (int64_t i = 0; i < x.k; ++i) {
      x.x.push_back(kSizes[row] * (std::sin(static_cast<float>(i + 1) * 7.3F) + kOffsets[row]));
    }
  }
  const std::vector<float> expected = rounded_by_kernels(x);
  const InputRows rounded = rounded_rows(x);
  for (size_t row = 0; row < std::size(kSizes); ++row) {
    for (int64_t i = 0; i < x.k; ++i) {
      const size_t at = row * static_cast<size_t>(x.k) + static_cast<size_t>(i);
      EXPECT_NEAR(rounded.x[at], expected[at], 1e-4F * kSizes[row]) << row << " " << i;
    }
  }
}

}  // namespace
}  // namespace lanewise::converters
