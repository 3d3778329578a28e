#include "ops/attention/additive_attention.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "ops/attention/additive_attention_kernels.hpp"
#include "ops/description.hpp"

#define LW_KERNEL_TABLE AdditiveAttentionKernels
#define LW_KERNEL_NAME additive_attention_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

// Hyperbolic tangents per piece, some 10 microseconds: a smaller piece costs more to hand out than
// it saves.
constexpr int64_t kPieceWork = 1 << 14;

/// A piece: queries [begin, end).
class AdditiveAttentionOperator final : public Operator {
 public:
  AdditiveAttentionOperator(const float* weight, Isa isa)
      : weight_(weight), kernels_(kernels_for<AdditiveAttentionKernels>(isa)) {}

  void cut(const Operands& operands, int, std::vector<Piece>& pieces) const override {
    const RaggedRows& queries = *operands.inputs[0].ragged;
    int64_t work = 0;
    int32_t begin = 0;
    for (int64_t s = 0; s < queries.sequences; ++s) {
      const int64_t keys = count_keys(operands.inputs[1], s);
      for (int32_t row = queries.offsets[s]; row < queries.offsets[s + 1]; ++row) {
        work += keys * operands.inputs[0].features;
        if (work < kPieceWork && row + 1 < operands.output.rows) continue;
        pieces.push_back({begin, row + 1, 0, 0});
        begin = row + 1;
        work = 0;
      }
    }
  }

  PieceLimit most_pieces(int) const noexcept override { return {.rows_each = 1}; }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    const RaggedRows& queries = *operands.inputs[0].ragged;
    const int32_t* end = queries.offsets + queries.sequences + 1;
    int64_t sequence = std::upper_bound(queries.offsets, end, piece.begin) - queries.offsets - 1;
    for (int32_t row = piece.begin; row < piece.end; ++row) {
      while (queries.offsets[sequence + 1] <= row) ++sequence;
      kernels_.attend(block(operands, sequence, row), reinterpret_cast<float*>(scratch));
    }
  }

  size_t scratch_bytes() const noexcept override { return kAdditiveKeyBlock * sizeof(float); }

  double flops(const Operands& operands) const noexcept override {
    const Operand& q = operands.inputs[0];
    double pairs = 0;
    for (int64_t s = 0; s < q.ragged->sequences; ++s) {
      const int32_t count = q.ragged->offsets[s + 1] - q.ragged->offsets[s];
      pairs += static_cast<double>(count) * static_cast<double>(count_keys(operands.inputs[1], s));
    }
    return 2.0 * static_cast<double>(q.features + operands.output.features) * pairs;
  }

 private:
  static bool by_tables(const Operand& k) noexcept {
    return k.tables != nullptr && k.tables->rows != nullptr;
  }

  static int64_t count_keys(const Operand& k, int64_t sequence) noexcept {
    if (by_tables(k)) return k.tables->lengths[sequence];
    return k.ragged->offsets[sequence + 1] - k.ragged->offsets[sequence];
  }

  AdditiveBlock block(const Operands& operands, int64_t sequence, int32_t row) const noexcept {
    const Operand& q = operands.inputs[0];
    const Operand& k = operands.inputs[1];
    const Operand& v = operands.inputs[2];
    const int64_t first = by_tables(k) ? 0 : k.ragged->offsets[sequence];
    return {.q = q.f32(row),
            .weight = weight_,
            .k = k.f32(first),
            .k_stride = static_cast<size_t>(k.stride),
            .v = v.f32(first),
            .v_stride = static_cast<size_t>(v.stride),
            .rows = by_tables(k) ? k.tables->rows[sequence] : nullptr,
            .keys = static_cast<size_t>(count_keys(k, sequence)),
            .depth = static_cast<size_t>(q.features),
            .dim = static_cast<size_t>(operands.output.features),
            .y = operands.output.f32(row)};
  }

  const float* const weight_;  // [depth]
  const AdditiveAttentionKernels& kernels_;
};

Status expect_feature_count(std::string_view name, const OperandSpec& operand, int64_t features) {
  if (operand.features == features) return {};
  return invalid_argument(std::string(name) + ": expected " + std::to_string(features) +
                          " features, found " + std::to_string(operand.features));
}

}  // namespace

Result<OperatorPtr> make_additive_attention(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"weight"}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(3, 3));
  const int64_t depth = config.inputs[0].features;
  LW_RETURN_IF_ERROR(expect_feature_count("k", config.inputs[1], depth));
  LW_RETURN_IF_ERROR(expect_feature_count("output", config.output, config.inputs[2].features));
  if (depth < 1 || config.output.features < 1) {
    return invalid_argument("features must be positive");
  }
  LW_ASSIGN_OR_RETURN(const void* weight, config.weight("weight", DataType::kF32, {depth}));
  return OperatorPtr(
      std::make_unique<AdditiveAttentionOperator>(static_cast<const float*>(weight), config.isa));
}

constinit const OperatorDescription additive_attention_operator = {
    .make = make_additive_attention,
    .rows = queries_and_keys,
    .step = DecodingStep{DecodingStep::Kind::kMemory},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
