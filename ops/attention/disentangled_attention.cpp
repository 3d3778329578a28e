#include "ops/attention/disentangled_attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/status_macros.hpp"
#include "ops/attention/attention_pieces.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/attention/disentangled_attention_kernels.hpp"
#include "ops/description.hpp"

#define LW_KERNEL_TABLE DisentangledAttentionKernels
#define LW_KERNEL_NAME disentangled_attention_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

// Larger than any model; the table of distances has twice as many entries.
constexpr int64_t kMostDistance = 1 << 20;

/// The tables of positions, and which of their rows belongs to a distance.
struct Positions {
  const float* of_keys = nullptr;     // [2 * span, heads * head_dim]
  const float* of_queries = nullptr;  // likewise
  int64_t span = 0;
  int64_t most = 0;           // distances beyond it have the row of this one
  std::vector<int32_t> rows;  // [2 * most + 1], by distance from -most to most
};

/// In f32, as Transformers computes it: that decides where a bucket ends.
int64_t bucket_of(int64_t distance, int64_t buckets, int64_t max_distance) {
  const int64_t mid = buckets / 2;
  const int64_t size = std::abs(distance);
  if (size <= mid) return distance;
  const auto middle = static_cast<double>(mid);
  const auto whole = static_cast<float>(static_cast<double>(max_distance - 1) / middle);
  const float ratio = static_cast<float>(size) / static_cast<float>(mid);
  const float part = std::log(ratio) / std::log(whole) * static_cast<float>(mid - 1);
  const int64_t bucket = static_cast<int64_t>(std::ceil(part)) + mid;
  return distance < 0 ? -bucket : bucket;
}

void fill_rows(int64_t buckets, int64_t max_distance, Positions& positions) {
  positions.most = max_distance;
  const int64_t last = 2 * positions.span - 1;
  for (int64_t distance = -max_distance; distance <= max_distance; ++distance) {
    const int64_t bucket = buckets == 0 ? distance : bucket_of(distance, buckets, max_distance);
    const int64_t row = std::clamp<int64_t>(bucket + positions.span, 0, last);
    positions.rows.push_back(static_cast<int32_t>(row));
  }
}

/// A piece: as in AttentionPieces, with as many key heads as heads.
class DisentangledAttentionOperator final : public Operator {
 public:
  DisentangledAttentionOperator(AttentionProblem problem, Positions positions, Isa isa)
      : problem_(std::move(problem)),
        positions_(std::move(positions)),
        pieces_(problem_, 1),
        kernels_(kernels_for<DisentangledAttentionKernels>(isa)) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    pieces_.cut(operands, lengths, threads, pieces);
  }

  PieceLimit most_pieces(int threads) const noexcept override { return pieces_.most(threads); }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    for (int64_t pair = piece.begin; pair < piece.end; ++pair) {
      for (int32_t query = piece.other_begin; query < piece.other_end; ++query) {
        kernels_.attend(block(operands, pair, query), reinterpret_cast<float*>(scratch));
      }
    }
  }

  size_t scratch_bytes() const noexcept override { return kDisentangledKeyBlock * sizeof(float); }

  double flops(const Operands& operands) const noexcept override {
    // Scores take three products where attention has one of its two.
    return 2.0 * pieces_.flops(operands, lengths);
  }

 private:
  static Lengths lengths(const Operands& operands, int64_t sequence) noexcept {
    const RaggedRows& ragged = *operands.inputs[0].ragged;
    const int64_t rows = ragged.offsets[sequence + 1] - ragged.offsets[sequence];
    return {rows, ragged.attended == nullptr ? rows : ragged.attended[sequence]};
  }

  DisentangledBlock block(const Operands& operands, int64_t pair, int32_t query) const noexcept {
    const int64_t sequence = pair / problem_.heads;
    const int64_t column = pair % problem_.heads * problem_.head_dim;
    const Operand& k = operands.inputs[1];
    const Operand& v = operands.inputs[2];
    const int64_t first = k.ragged->offsets[sequence];
    const auto of = [&](const float* table) { return table == nullptr ? table : table + column; };
    return {.q = operands.inputs[0].f32(first + query) + column,
            .k = k.f32(first) + column,
            .k_stride = static_cast<size_t>(k.stride),
            .v = v.f32(first) + column,
            .v_stride = static_cast<size_t>(v.stride),
            .key_positions = of(positions_.of_keys),
            .query_positions = of(positions_.of_queries),
            .position_stride = static_cast<size_t>(problem_.heads * problem_.head_dim),
            .rows = positions_.rows.data() + positions_.most,
            .most = static_cast<int32_t>(positions_.most),
            .query = query,
            .keys = static_cast<size_t>(lengths(operands, sequence).keys),
            .dim = static_cast<size_t>(problem_.head_dim),
            .scale = problem_.scale,
            .y = operands.output.f32(first + query) + column};
  }

  const AttentionProblem problem_;
  const Positions positions_;
  const AttentionPieces pieces_;
  const DisentangledAttentionKernels& kernels_;
};

Result<int64_t> get_between(const Attributes& attributes, const std::string& name, int64_t fallback,
                            int64_t least, int64_t most) {
  LW_ASSIGN_OR_RETURN(const int64_t value, attributes.get_int(name, fallback));
  if (value >= least && value <= most) return value;
  return invalid_argument("attribute '" + name + "': expected " + std::to_string(least) + " to " +
                          std::to_string(most) + ", found " + std::to_string(value));
}

Result<Positions> bind_positions(const OperatorConfig& config, int64_t width) {
  Positions positions;
  LW_ASSIGN_OR_RETURN(const int64_t most,
                      get_between(config.attributes, "max_distance", 0, 1, kMostDistance));
  LW_ASSIGN_OR_RETURN(const int64_t buckets,
                      get_between(config.attributes, "buckets", 0, 0, kMostDistance));
  // Otherwise the logarithm of the largest distance, by which others are divided, is not positive.
  if (buckets == 1 || (buckets > 1 && most - 1 <= buckets / 2)) {
    return invalid_argument("attribute 'buckets': expected 0, or 2 to " +
                            std::to_string(2 * std::max<int64_t>(most - 2, 0)) + ", found " +
                            std::to_string(buckets));
  }
  positions.span = buckets > 0 ? buckets : most;
  const Shape shape = {2 * positions.span, width};
  LW_ASSIGN_OR_RETURN(const void* keys,
                      config.optional_weight("key_positions", DataType::kF32, shape));
  LW_ASSIGN_OR_RETURN(const void* queries,
                      config.optional_weight("query_positions", DataType::kF32, shape));
  if (keys == nullptr && queries == nullptr) {
    return invalid_argument("weight 'key_positions' or 'query_positions' is missing");
  }
  positions.of_keys = static_cast<const float*>(keys);
  positions.of_queries = static_cast<const float*>(queries);
  fill_rows(buckets, most, positions);
  return positions;
}

}  // namespace

Result<OperatorPtr> make_disentangled_attention(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(
      config.attributes.expect_only({"heads", "head_dim", "scale", "max_distance", "buckets"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"key_positions", "query_positions"}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(3, 3));
  LW_ASSIGN_OR_RETURN(AttentionProblem problem, check_heads(config.attributes));
  const int64_t width = problem.heads * problem.head_dim;
  for (const OperandSpec& operand :
       {config.inputs[0], config.inputs[1], config.inputs[2], config.output}) {
    if (operand.features == width) continue;
    return invalid_argument("q, k, v and the output: expected " + std::to_string(width) +
                            " features, found " + std::to_string(operand.features));
  }
  LW_ASSIGN_OR_RETURN(const double scale, config.attributes.get_double("scale", 1.0));
  problem.scale = static_cast<float>(scale);
  if (!std::isfinite(problem.scale)) {
    return invalid_argument("attribute 'scale': expected a finite number");
  }
  LW_ASSIGN_OR_RETURN(Positions positions, bind_positions(config, width));
  return OperatorPtr(std::make_unique<DisentangledAttentionOperator>(
      std::move(problem), std::move(positions), config.isa));
}

namespace {

/// Self-attention: all rows are those of the same tokens.
std::string_view same_tokens(const NodeRows& rows) {
  return are_tokens(rows.output) ? same_rows(rows) : "one row per token";
}

}  // namespace

constinit const OperatorDescription disentangled_attention_operator = {
    .make = make_disentangled_attention,
    .rows = same_tokens,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
