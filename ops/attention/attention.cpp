#include "ops/attention/attention.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "ops/attention/attention_bf16_kernels.hpp"
#include "ops/attention/attention_kernels.hpp"
#include "ops/attention/attention_pieces.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/attention/paged_operands.hpp"
#include "ops/description.hpp"

#define LW_KERNEL_TABLE AttentionKernels
#define LW_KERNEL_NAME attention_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

using Attend = void (*)(const AttentionBlock& block, float* scratch) noexcept;

Attend attend_for(const AttentionProblem& problem, Isa isa) {
  const Attend bf16 = problem.allow_bf16 ? attention_bf16_kernels_for(isa).attend : nullptr;
  return bf16 != nullptr ? bf16 : kernels_for<AttentionKernels>(isa).attend;
}

/// The arrays of one AttentionBlock.
struct TileRows {
  const float* q[kQueryBlock];
  float* y[kQueryBlock];
  int32_t begin[kQueryBlock];
  int32_t end[kQueryBlock];
  const float* bias[kQueryBlock];
  int32_t shift[kQueryBlock];
};

/// Where the keys and the values of a run begin.
struct Memory {
  const Operand* k;
  const Operand* v;
  int64_t k_column;
  int64_t v_column;
};

class AttentionOperator final : public Operator {
 public:
  AttentionOperator(AttentionProblem problem, Isa isa)
      : problem_(std::move(problem)),
        pieces_(problem_, kQueryBlock),
        attend_(attend_for(problem_, isa)) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    pieces_.cut(operands, lengths, threads, pieces);
  }

  PieceLimit most_pieces(int threads) const noexcept override { return pieces_.most(threads); }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    for (int64_t pair = piece.begin; pair < piece.end; ++pair) {
      for (int64_t row = piece.other_begin; row < piece.other_end; row += kQueryBlock) {
        const int64_t rows = std::min<int64_t>(piece.other_end - row, kQueryBlock);
        run_block(operands, pair, row, rows, reinterpret_cast<float*>(scratch));
      }
    }
  }

  size_t scratch_bytes() const noexcept override {
    return sizeof(float) * attention_scratch_floats(static_cast<size_t>(problem_.head_dim));
  }

  double flops(const Operands& operands) const noexcept override {
    return pieces_.flops(operands, lengths);
  }

 private:
  static Lengths lengths(const Operands& operands, int64_t sequence) noexcept {
    const int32_t* queries = operands.inputs[0].ragged->offsets + sequence;
    const size_t memory = operands.inputs.size() == 1 ? 0 : 1;
    const RaggedRows& ragged = *operands.inputs[memory].ragged;
    const int32_t* keys = ragged.offsets + sequence;
    const int32_t seen = ragged.attended != nullptr ? ragged.attended[sequence] : keys[1] - keys[0];
    return {queries[1] - queries[0], seen};
  }

  Memory memory(const Operands& operands) const noexcept {
    const int64_t q_width = problem_.heads * problem_.head_dim;
    const int64_t k_width = problem_.kv_heads * problem_.head_dim;
    const Operand* inputs = operands.inputs.data();
    if (operands.inputs.size() == 1) return {inputs, inputs, q_width, q_width + k_width};
    if (operands.inputs.size() == 2) return {inputs + 1, inputs + 1, 0, k_width};
    return {inputs + 1, inputs + 2, 0, 0};
  }

  void run_block(const Operands& operands, int64_t pair, int64_t row, int64_t rows,
                 float* scratch) const noexcept {
    const int64_t sequence = pair / problem_.kv_heads;
    const int64_t kv_head = pair % problem_.kv_heads;
    const Memory memory = this->memory(operands);
    const int64_t key = memory.k->ragged->offsets[sequence];
    TileRows arrays;
    fill_rows(operands, sequence, kv_head, row, rows, arrays);
    AttentionBlock block{};
    block.k = memory.k->f32(key) + memory.k_column + kv_head * problem_.head_dim;
    block.k_stride = static_cast<size_t>(memory.k->stride);
    block.v = memory.v->f32(key) + memory.v_column + kv_head * problem_.head_dim;
    block.v_stride = static_cast<size_t>(memory.v->stride);
    block.head_dim = static_cast<size_t>(problem_.head_dim);
    block.rows = static_cast<size_t>(rows);
    block.q = arrays.q;
    block.y = arrays.y;
    block.begin = arrays.begin;
    block.end = arrays.end;
    if (problem_.bias.kind != BiasKind::kNone) {
      block.bias = {arrays.bias, arrays.shift, problem_.bias.first, problem_.bias.last};
    }
    block.scale = problem_.scale;
    block.soft_cap = problem_.soft_cap;
    attend_(block, scratch);
  }

  void fill_rows(const Operands& operands, int64_t sequence, int64_t kv_head, int64_t row,
                 int64_t rows, TileRows& arrays) const noexcept {
    const Operand& q = operands.inputs[0];
    const Lengths both = lengths(operands, sequence);
    const int64_t first_query = q.ragged->offsets[sequence];
    constexpr auto kVector = static_cast<int64_t>(kAttentionLanes);
    const int64_t padded = (rows + kVector - 1) / kVector * kVector;
    for (int64_t r = 0; r < padded; ++r) {
      const int64_t real = row + std::min(r, rows - 1);
      const int64_t query = real / problem_.group();
      const int64_t head = kv_head * problem_.group() + real % problem_.group();
      arrays.q[r] = q.f32(first_query + query) + head * problem_.head_dim;
      arrays.y[r] = operands.output.f32(first_query + query) + head * problem_.head_dim;
      const Seen seen = problem_.seen_by(both, query);
      arrays.begin[r] = seen.begin;
      arrays.end[r] = seen.end;
      const BiasRow bias = problem_.bias.row(head, problem_.position(both, query));
      arrays.bias[r] = bias.table;
      arrays.shift[r] = bias.shift;
    }
  }

  const AttentionProblem problem_;
  const AttentionPieces pieces_;
  const Attend attend_;
};

}  // namespace

Result<OperatorPtr> make_attention(const OperatorConfig& config) {
  Result<AttentionProblem> problem = check_attention(config);
  if (!problem.ok()) return problem.status();
  return OperatorPtr(std::make_unique<AttentionOperator>(std::move(problem).value(), config.isa));
}

namespace {

Result<int64_t> page_floats(const Attributes& attributes, int64_t /*output_features*/) {
  LW_ASSIGN_OR_RETURN(const KvPage page, page_of(attributes));
  return page.floats();
}

}  // namespace

constinit const OperatorDescription attention_operator = {
    .make = make_attention,
    .rows = queries_and_keys,
    .step = DecodingStep{.kind = DecodingStep::Kind::kAttention,
                         .op = "paged_attention",
                         .append_op = "append_kv",
                         .memory_op = "cached_attention",
                         .cache_features = page_floats},
    .weights = std::span<const WeightRole>(),
    .allows_bf16 = true,
};

}  // namespace lanewise::ops
