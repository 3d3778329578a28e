#include "ops/attention/cached_attention.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/attention/cached_attention_kernels.hpp"
#include "ops/description.hpp"

#define LW_KERNEL_TABLE CachedAttentionKernels
#define LW_KERNEL_NAME cached_attention_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

// Multiply-adds per piece, some 5 microseconds: a smaller piece costs more to hand out than it
// saves.
constexpr int64_t kStepPieceWork = 1 << 17;

/// Where the keys and the values of all sequences begin.
struct StepMemory {
  const Operand* k;
  const Operand* v;
  int64_t k_column;
  int64_t v_column;
};

/// A piece is a range [begin, end) of sequence * kv_heads + kv_head.
class CachedAttentionOperator final : public Operator {
 public:
  CachedAttentionOperator(AttentionProblem problem, Isa isa)
      : problem_(std::move(problem)), kernels_(kernels_for<CachedAttentionKernels>(isa)) {}

  void cut(const Operands& operands, int, std::vector<Piece>& pieces) const override {
    const RowTables& tables = *memory(operands).k->tables;
    const int64_t pairs = operands.inputs[0].ragged->sequences * problem_.kv_heads;
    int64_t begin = 0;
    int64_t work = 0;
    for (int64_t pair = 0; pair < pairs; ++pair) {
      const int64_t sequence = pair / problem_.kv_heads;
      work += 2 * queries(operands, sequence) * tables.lengths[sequence] * problem_.head_dim *
              problem_.group();
      if (work < kStepPieceWork && pair + 1 < pairs) continue;
      pieces.push_back({static_cast<int32_t>(begin), static_cast<int32_t>(pair + 1), 0, 0});
      begin = pair + 1;
      work = 0;
    }
  }

  PieceLimit most_pieces(int) const noexcept override { return {.of_sequence = problem_.kv_heads}; }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    for (int64_t pair = piece.begin; pair < piece.end;) {
      const int64_t sequence = pair / problem_.kv_heads;
      const int64_t kv_head = pair % problem_.kv_heads;
      const int64_t count = std::min({piece.end - pair, problem_.kv_heads - kv_head,
                                      kv_heads_at_once(queries(operands, sequence))});
      attend(operands, sequence, kv_head, count, reinterpret_cast<float*>(scratch));
      pair += count;
    }
  }

  size_t scratch_bytes() const noexcept override {
    return sizeof(float) * cached_attention_scratch_floats(static_cast<size_t>(problem_.head_dim));
  }

  double flops(const Operands& operands) const noexcept override {
    const RowTables& tables = *memory(operands).k->tables;
    double pairs = 0;
    for (int64_t s = 0; s < operands.inputs[0].ragged->sequences; ++s) {
      pairs += static_cast<double>(queries(operands, s)) * tables.lengths[s];
    }
    return 4.0 * static_cast<double>(problem_.head_dim * problem_.heads) * pairs;
  }

 private:
  static constexpr auto kMostHeads = static_cast<int64_t>(kCachedHeads);

  static int64_t queries(const Operands& operands, int64_t sequence) noexcept {
    const int32_t* offsets = operands.inputs[0].ragged->offsets + sequence;
    return offsets[1] - offsets[0];
  }

  /// Key heads that share a pass over the cache. With several queries, each passes in turn, and the
  /// rows that one head sees stay in a near cache.
  int64_t kv_heads_at_once(int64_t queries) const noexcept {
    return queries > 1 ? 1 : std::max<int64_t>(1, kMostHeads / problem_.group());
  }

  int64_t k_width() const noexcept { return problem_.kv_heads * problem_.head_dim; }

  StepMemory memory(const Operands& operands) const noexcept {
    const Operand& last = operands.inputs.back();
    if (operands.inputs.size() == 2) return {&last, &last, 0, k_width()};
    return {&operands.inputs[1], &last, 0, 0};
  }

  void attend(const Operands& operands, int64_t sequence, int64_t kv_head, int64_t kv_heads,
              float* scratch) const noexcept {
    const StepMemory memory = this->memory(operands);
    const RowTables& tables = *memory.k->tables;
    const Lengths lengths{queries(operands, sequence), tables.lengths[sequence]};
    const int64_t first = operands.inputs[0].ragged->offsets[sequence];
    const int64_t column = kv_head * problem_.head_dim;
    CachedBlock block{};
    block.group = static_cast<size_t>(problem_.group());
    block.k = memory.k->f32() + memory.k_column + column;
    block.k_stride = static_cast<size_t>(memory.k->stride);
    block.v = memory.v->f32() + memory.v_column + column;
    block.v_stride = static_cast<size_t>(memory.v->stride);
    block.rows = tables.rows[sequence];
    block.head_dim = static_cast<size_t>(problem_.head_dim);
    block.scale = problem_.scale;
    block.soft_cap = problem_.soft_cap;
    const int64_t end = (kv_head + kv_heads) * problem_.group();
    for (int64_t i = 0; i < lengths.queries; ++i) {
      const Seen seen = problem_.seen_by(lengths, i);
      block.begin = static_cast<size_t>(seen.begin);
      block.end = static_cast<size_t>(seen.end);
      for (int64_t head = kv_head * problem_.group(); head < end; head += kMostHeads) {
        block.heads = static_cast<size_t>(std::min(end - head, kMostHeads));
        block.q = operands.inputs[0].f32(first + i) + head * problem_.head_dim;
        block.y = operands.output.f32(first + i) + head * problem_.head_dim;
        kernels_.attend(block, scratch);
      }
    }
  }

  const AttentionProblem problem_;
  const CachedAttentionKernels& kernels_;
};

}  // namespace

Result<OperatorPtr> make_cached_attention(const OperatorConfig& config) {
  if (config.inputs.size() < 2) return invalid_argument("expected 2 or 3 inputs");
  LW_ASSIGN_OR_RETURN(AttentionProblem problem, check_attention(config));
  if (problem.causal || problem.window > 0 || problem.bias.kind != BiasKind::kNone) {
    return invalid_argument("expected neither causal nor a window or a bias");
  }
  return OperatorPtr(std::make_unique<CachedAttentionOperator>(std::move(problem), config.isa));
}

namespace {

/// Keys and values are located by tables, which only callers can supply, so they are inputs of the
/// graph. (A model file cannot have f32 inputs: runtime/model_checks.hpp.)
std::string_view rows_behind_tables(const NodeRows& rows) {
  bool fits = are_tokens(rows.output) && rows.inputs.size() >= 2;
  for (size_t i = 0; fits && i < rows.inputs.size(); ++i) {
    const NodeRows::Input& input = rows.inputs[i];
    const bool by_tables = input.rows != rows.output;
    const bool is_memory = i > 0 && are_tokens(input.rows);
    fits = by_tables ? input.given && is_memory : i + 1 < rows.inputs.size();
  }
  return fits ? "" : "one row per token; the last inputs are memory";
}

}  // namespace

constinit const OperatorDescription cached_attention_operator = {
    .make = make_cached_attention,
    .rows = rows_behind_tables,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
