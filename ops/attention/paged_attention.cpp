#include "ops/attention/paged_attention.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "ops/attention/attention_pieces.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/attention/paged_attention_kernels.hpp"
#include "ops/attention/paged_operands.hpp"
#include "ops/description.hpp"

#define LW_KERNEL_TABLE PagedAttentionKernels
#define LW_KERNEL_NAME paged_attention_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr auto kRows = static_cast<int64_t>(kPagedRows);

/// The arrays of one PagedBlock.
struct PagedTileRows {
  const float* q[kPagedRows];
  float* y[kPagedRows];
  int32_t begin[kPagedRows];
  int32_t end[kPagedRows];
  const float* bias[kPagedRows];
  int32_t shift[kPagedRows];
};

Lengths lengths_of(const Operands& operands, int64_t sequence) noexcept {
  return PagedSequence(operands, sequence).lengths();
}

class PagedAttentionOperator final : public Operator {
 public:
  PagedAttentionOperator(AttentionProblem problem, const KvPage& page, Isa isa)
      : problem_(std::move(problem)),
        page_(page),
        pieces_(problem_, kRows),
        kernels_(kernels_for<PagedAttentionKernels>(isa)) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    pieces_.cut(operands, lengths_of, threads, pieces);
  }

  PieceLimit most_pieces(int threads) const noexcept override { return pieces_.most(threads); }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    for (int64_t pair = piece.begin; pair < piece.end; ++pair) {
      const PagedSequence sequence(operands, pair / problem_.kv_heads);
      const int64_t kv_head = pair % problem_.kv_heads;
      for (int64_t row = piece.other_begin; row < piece.other_end; row += kRows) {
        const int64_t rows = std::min<int64_t>(piece.other_end - row, kRows);
        run_block(operands, sequence, kv_head, row, rows, reinterpret_cast<float*>(scratch));
      }
    }
  }

  size_t scratch_bytes() const noexcept override {
    return sizeof(float) *
           paged_attention_scratch_floats(static_cast<size_t>(problem_.head_dim), page_.type);
  }

  double flops(const Operands& operands) const noexcept override {
    return pieces_.flops(operands, lengths_of);
  }

 private:
  void run_block(const Operands& operands, const PagedSequence& sequence, int64_t kv_head,
                 int64_t row, int64_t rows, float* scratch) const noexcept {
    PagedTileRows arrays;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t query = (row + r) / problem_.group();
      const int64_t head = kv_head * problem_.group() + (row + r) % problem_.group();
      fill_row(operands, sequence, query, head, r, arrays);
    }
    PagedBlock block{};
    block.pages = sequence.pages();
    block.keys = static_cast<size_t>(sequence.layer_offset() + page_.keys(kv_head));
    block.values = static_cast<size_t>(sequence.layer_offset() + page_.values(kv_head));
    block.scales = static_cast<size_t>(sequence.layer_offset() + page_.scales(kv_head));
    block.type = page_.type;
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
    kernels_.attend(block, scratch);
  }

  void fill_row(const Operands& operands, const PagedSequence& sequence, int64_t query,
                int64_t head, int64_t r, PagedTileRows& arrays) const noexcept {
    const int64_t token = sequence.first_row() + query;
    const int64_t column = head * problem_.head_dim;
    arrays.q[r] = operands.inputs[0].f32(token) + column;
    arrays.y[r] = operands.output.f32(token) + column;
    const Lengths lengths = sequence.lengths();
    const Seen seen = problem_.seen_by(lengths, query);
    arrays.begin[r] = seen.begin;
    arrays.end[r] = seen.end;
    const BiasRow bias = problem_.bias.row(head, problem_.position(lengths, query));
    arrays.bias[r] = bias.table;
    arrays.shift[r] = bias.shift;
  }

  const AttentionProblem problem_;
  const KvPage page_;
  const AttentionPieces pieces_;
  const PagedAttentionKernels& kernels_;
};

/// check_attention() knows keys and values as inputs: the spec of those in the cache.
OperatorConfig with_memory(const OperatorConfig& config, const KvPage& page) {
  OperatorConfig rest = config;
  rest.attributes.erase(kCacheType);
  rest.inputs.back() = {DataType::kF32, 2 * page.kv_heads * page.head_dim};
  return rest;
}

}  // namespace

Result<OperatorPtr> make_paged_attention(const OperatorConfig& config) {
  if (config.inputs.size() != 2) return invalid_argument("expected 2 inputs");
  LW_ASSIGN_OR_RETURN(const KvPage page, page_of(config.attributes));
  LW_ASSIGN_OR_RETURN(AttentionProblem problem, check_attention(with_memory(config, page)));
  LW_RETURN_IF_ERROR(check_pages(config, page));
  if (!problem.causal) return invalid_argument("attribute 'causal': expected true");
  if (problem.bias.kind == BiasKind::kDense) {
    return invalid_argument("attribute 'bias_kind': expected none or relative");
  }
  return OperatorPtr(
      std::make_unique<PagedAttentionOperator>(std::move(problem), page, config.isa));
}

constinit const OperatorDescription paged_attention_operator = {
    .make = make_paged_attention,
    .rows = tokens_and_pages,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
