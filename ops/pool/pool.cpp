#include "ops/pool/pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/dcheck.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/pool/pool_kernels.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE PoolKernels
#define LW_KERNEL_NAME pool_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kPoolNanoseconds = 0.15;

Result<PoolKind> parse_kind(std::string_view name) {
  static constexpr std::pair<std::string_view, PoolKind> kNames[] = {
      {"mean", PoolKind::kMean},
      {"sqrt_mean", PoolKind::kSqrtMean},
      {"weighted_mean", PoolKind::kWeightedMean},
      {"max", PoolKind::kMax},
      {"first", PoolKind::kFirst},
      {"last", PoolKind::kLast}};
  std::string all;
  for (const auto& [known, kind] : kNames) {
    if (known == name) return kind;
    all.append(all.empty() ? "" : ", ").append(known);
  }
  return unsupported("attribute 'kind': unknown pooling '" + std::string(name) +
                     "'; known: " + all);
}

/// 1 + 2 + ... + rows.
float sum_of_weights(size_t rows) noexcept {
  const auto count = static_cast<double>(rows);
  return static_cast<float>(count * (count + 1.0) / 2.0);
}

/// Divided between sequences, so that each is summed by one thread in one order.
class Pool final : public Operator {
 public:
  Pool(const OperatorConfig& config, PoolKind kind)
      : kernels_(kernels_for<PoolKernels>(config.isa)),
        kind_(kind),
        tokens_per_piece_(
            rows_per_piece(kPoolNanoseconds * static_cast<double>(config.output.features))) {}

  void cut(const Operands& operands, int, std::vector<Piece>& pieces) const override {
    const RaggedRows& ragged = *operands.inputs[0].ragged;
    LW_DCHECK(operands.output.rows == ragged.sequences);
    const auto first = static_cast<std::ptrdiff_t>(pieces.size());
    for (int64_t begin = 0; begin < ragged.sequences;) {
      int64_t end = begin + 1;
      while (end < ragged.sequences && cost(ragged, begin, end) < tokens_per_piece_) ++end;
      pieces.push_back({static_cast<int32_t>(begin), static_cast<int32_t>(end), 0, 0});
      begin = end;
    }
    std::sort(pieces.begin() + first, pieces.end(), [&](const Piece& a, const Piece& b) {
      return cost(ragged, a.begin, a.end) > cost(ragged, b.begin, b.end);
    });
  }

  PieceLimit most_pieces(int) const noexcept override { return {.of_sequence = 1}; }

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    for (int64_t s = piece.begin; s < piece.end; ++s) pool_sequence(operands, s);
  }

 private:
  /// The cost in rows; even an empty sequence costs a little.
  int64_t cost(const RaggedRows& ragged, int64_t begin, int64_t end) const noexcept {
    const int64_t rows = ragged.offsets[end] - ragged.offsets[begin];
    const bool one_row = kind_ == PoolKind::kFirst || kind_ == PoolKind::kLast;
    return one_row ? end - begin : rows + (end - begin);
  }

  void pool_sequence(const Operands& operands, int64_t s) const noexcept {
    const Operand& x = operands.inputs[0];
    const int32_t begin = x.ragged->offsets[s];
    const int32_t end = x.ragged->offsets[s + 1];
    LW_DCHECK(begin <= end && end <= x.rows);
    const auto dim = static_cast<size_t>(x.features);
    const auto stride = static_cast<size_t>(x.stride);
    const auto rows = static_cast<size_t>(end - begin);
    float* y = operands.output.f32(s);
    if (rows == 0) {
      std::memset(y, 0, dim * sizeof(float));
      return;
    }
    switch (kind_) {
      case PoolKind::kMean:
        return kernels_.mean(x.f32(begin), stride, rows, dim, static_cast<float>(rows), y);
      case PoolKind::kSqrtMean:
        return kernels_.mean(x.f32(begin), stride, rows, dim, std::sqrt(static_cast<float>(rows)),
                             y);
      case PoolKind::kWeightedMean:
        return kernels_.weighted_mean(x.f32(begin), stride, rows, dim, sum_of_weights(rows), y);
      case PoolKind::kMax:
        return kernels_.max(x.f32(begin), stride, rows, dim, y);
      case PoolKind::kFirst:
        std::memcpy(y, x.f32(begin), dim * sizeof(float));
        return;
      case PoolKind::kLast:
        std::memcpy(y, x.f32(end - 1), dim * sizeof(float));
        return;
    }
  }

  const PoolKernels& kernels_;
  PoolKind kind_;
  int64_t tokens_per_piece_;
};

}  // namespace

Result<OperatorPtr> make_pool(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"kind"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  if (!config.attributes.has("kind")) return invalid_argument("attribute 'kind' is missing");
  LW_ASSIGN_OR_RETURN(const std::string name, config.attributes.get_string("kind", ""));
  LW_ASSIGN_OR_RETURN(const PoolKind kind, parse_kind(name));
  return OperatorPtr(std::make_unique<Pool>(config, kind));
}

constinit const OperatorDescription pool_operator = {
    .make = make_pool,
    .rows = row_per_sequence,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
