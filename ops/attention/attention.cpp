#include "ops/attention/attention.hpp"

#include <algorithm>
#include <cmath>

#include "base/status_macros.hpp"
#include "ops/attention/attention_bf16_kernels.hpp"
#include "ops/attention/attention_kernels.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/description.hpp"

#define LW_KERNEL_TABLE AttentionKernels
#define LW_KERNEL_NAME attention_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

// A piece below this many multiply-adds (some 10 microseconds) costs more to hand out than better
// balance gains.
constexpr double kLeastPieceWork = 1 << 19;
// One piece per thread pays off earlier: all wait for the slowest anyway.
constexpr double kLeastShare = 1 << 16;
// Enough that a thread that loses its core for a while does not delay the others.
constexpr double kPiecesPerThread = 6;

using Attend = void (*)(const AttentionBlock& block, float* scratch) noexcept;

Attend attend_for(const AttentionProblem& problem, Isa isa) {
  const Attend bf16 = problem.allow_bf16 ? attention_bf16_kernels_for(isa).attend : nullptr;
  return bf16 != nullptr ? bf16 : kernels_for(isa).attend;
}

/// The arrays of one AttentionBlock.
struct BlockRows {
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

/// Rows are the unit of work: row r of a sequence and a key head is query r / group with head r %
/// group of those that share the key head. So grouped heads fill the lanes together.
///
/// A piece: [begin, end) of sequence * kv_heads + kv_head, all of one sequence; [other_begin,
/// other_end) of the rows.
class AttentionOperator final : public Operator {
 public:
  AttentionOperator(AttentionProblem problem, Isa isa)
      : problem_(std::move(problem)), attend_(attend_for(problem_, isa)) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    const size_t first = pieces.size();
    const double total = work(operands);
    const double target = piece_work(total, threads);
    for (int64_t s = 0; s < operands.inputs[0].ragged->sequences; ++s) {
      cut_sequence(s, lengths(operands, s), target, pieces);
    }
    const auto cost = [&](const Piece& piece) { return work(operands, piece); };
    const auto earlier = [&](const Piece& a, const Piece& b) {
      const double cost_a = cost(a), cost_b = cost(b);
      if (cost_a != cost_b) return cost_a > cost_b;
      return a.begin != b.begin ? a.begin < b.begin : a.other_begin < b.other_begin;
    };
    std::sort(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end(), earlier);
  }

  /// A key head of a sequence is divided into at most ceil(work / target) pieces, so all of them
  /// into one each and total / target more. Rows without work that are counted as some add less
  /// than one piece to 2^16 pieces, hence the + 1.
  PieceLimit most_pieces(int threads) const noexcept override {
    const auto more = static_cast<int64_t>(kPiecesPerThread) * std::max(threads, 1);
    return {.of_sequence = problem_.kv_heads + 1, .more = more + 1};
  }

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
    double pairs = 0;
    for (int64_t s = 0; s < operands.inputs[0].ragged->sequences; ++s) {
      const Lengths both = lengths(operands, s);
      for (int64_t i = 0; i < both.queries; ++i) {
        const Seen seen = problem_.seen_by(both, i);
        pairs += seen.end - seen.begin;
      }
    }
    return 4.0 * static_cast<double>(problem_.head_dim * problem_.heads) * pairs;
  }

 private:
  static double piece_work(double total, int threads) {
    if (threads <= 1) return std::max(total, kLeastPieceWork);
    const double least = std::clamp(total / threads, kLeastShare, kLeastPieceWork);
    return std::max(total / (threads * kPiecesPerThread), least);
  }

  static Lengths lengths(const Operands& operands, int64_t sequence) noexcept {
    const int32_t* queries = operands.inputs[0].ragged->offsets + sequence;
    const size_t memory = operands.inputs.size() == 1 ? 0 : 1;
    const int32_t* keys = operands.inputs[memory].ragged->offsets + sequence;
    return {queries[1] - queries[0], keys[1] - keys[0]};
  }

  /// Multiply-adds of `rows` rows from `row` of one key head: exact if what a query sees grows
  /// evenly, otherwise close enough to divide the work.
  double work(const Lengths& both, int64_t row, int64_t row_end) const {
    if (row >= row_end) return 0;
    const Seen first = problem_.seen_by(both, row / problem_.group());
    const Seen last = problem_.seen_by(both, (row_end - 1) / problem_.group());
    const double mean = 0.5 * ((first.end - first.begin) + (last.end - last.begin));
    return 2.0 * static_cast<double>(problem_.head_dim * (row_end - row)) * mean;
  }

  double work(const Operands& operands, const Piece& piece) const {
    const Lengths both = lengths(operands, piece.begin / problem_.kv_heads);
    return (piece.end - piece.begin) * work(both, piece.other_begin, piece.other_end);
  }

  double work(const Operands& operands) const {
    double sum = 0;
    for (int64_t s = 0; s < operands.inputs[0].ragged->sequences; ++s) {
      const Lengths both = lengths(operands, s);
      sum += work(both, 0, both.queries * problem_.group());
    }
    return static_cast<double>(problem_.kv_heads) * sum;
  }

  /// Divides long sequences into blocks of rows, and groups the key heads of short ones.
  void cut_sequence(int64_t sequence, const Lengths& both, double target,
                    std::vector<Piece>& pieces) const {
    constexpr auto kBlock = static_cast<int64_t>(kQueryBlock);
    const int64_t rows = both.queries * problem_.group();
    if (rows == 0) return;
    const double head_work = std::max(work(both, 0, rows), 1.0);
    const auto parts = static_cast<int64_t>(std::ceil(head_work / target));
    const int64_t step = (rows + parts * kBlock - 1) / (parts * kBlock) * kBlock;
    const auto most = static_cast<double>(problem_.kv_heads);
    const auto together = static_cast<int64_t>(std::clamp(target / head_work, 1.0, most));
    const int64_t shares = (problem_.kv_heads + together - 1) / together;
    for (int64_t share = 0; share < shares; ++share) {
      const int64_t pair = sequence * problem_.kv_heads;
      for (int64_t row = 0; row < rows; row += step) {
        pieces.push_back({static_cast<int32_t>(pair + problem_.kv_heads * share / shares),
                          static_cast<int32_t>(pair + problem_.kv_heads * (share + 1) / shares),
                          static_cast<int32_t>(row),
                          static_cast<int32_t>(std::min(rows, row + step))});
      }
    }
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
    BlockRows arrays;
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
                 int64_t rows, BlockRows& arrays) const noexcept {
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

  AttentionProblem problem_;
  Attend attend_;
};

}  // namespace

Result<OperatorPtr> make_attention(const OperatorConfig& config) {
  Result<AttentionProblem> problem = check_attention(config);
  if (!problem.ok()) return problem.status();
  return OperatorPtr(std::make_unique<AttentionOperator>(std::move(problem).value(), config.isa));
}

namespace {

/// Keys and values of a token: `keys | values`.
Result<int64_t> cache_features(const Attributes& attributes, int64_t /*output_features*/) {
  LW_ASSIGN_OR_RETURN(const int64_t heads, attributes.get_int("heads", 0));
  LW_ASSIGN_OR_RETURN(const int64_t kv_heads, attributes.get_int("kv_heads", heads));
  LW_ASSIGN_OR_RETURN(const int64_t head_dim, attributes.get_int("head_dim", 0));
  return 2 * kv_heads * head_dim;
}

}  // namespace

constinit const OperatorDescription attention_operator = {
    .make = make_attention,
    .rows = queries_and_keys,
    .step = DecodingStep{.kind = DecodingStep::Kind::kAttention,
                         .op = "cached_attention",
                         .cache_features = cache_features},
    .weights = std::span<const WeightRole>(),
    .allows_bf16 = true,
};

}  // namespace lanewise::ops
