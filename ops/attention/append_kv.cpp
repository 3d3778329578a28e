#include "ops/attention/append_kv.hpp"

#include <algorithm>
#include <string>

#include "base/status_macros.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/attention/kv_page.hpp"
#include "ops/attention/paged_operands.hpp"
#include "ops/description.hpp"

namespace lanewise::ops {
namespace {

// Tokens per piece: their keys are written to whole pages at a time where possible.
constexpr int64_t kTokensPerPiece = 4 * kPageTokens;

/// Where the queries, keys and values of a token begin.
struct Columns {
  const Operand* q;
  const Operand* k;
  const Operand* v;
  int64_t k_column;
  int64_t v_column;
};

/// A piece: tokens [other_begin, other_end) of sequence `begin`.
class AppendKvOperator final : public Operator {
 public:
  explicit AppendKvOperator(const AttentionProblem& problem)
      : page_{problem.kv_heads, problem.head_dim}, q_width_(problem.heads * problem.head_dim) {}

  void cut(const Operands& operands, int, std::vector<Piece>& pieces) const override {
    const RaggedRows& tokens = *operands.inputs[0].ragged;
    for (int64_t s = 0; s < tokens.sequences; ++s) {
      const int32_t count = tokens.offsets[s + 1] - tokens.offsets[s];
      for (int32_t i = 0; i < count; i += kTokensPerPiece) {
        const int32_t end = std::min<int32_t>(count, i + kTokensPerPiece);
        pieces.push_back({static_cast<int32_t>(s), static_cast<int32_t>(s + 1), i, end});
      }
    }
  }

  PieceLimit most_pieces(int) const noexcept override {
    return {.rows_each = kTokensPerPiece, .of_sequence = 1};
  }

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const PagedSequence sequence(operands, piece.begin);
    const Columns from = columns(operands);
    for (int64_t i = piece.other_begin; i < piece.other_end; ++i) {
      const int64_t row = sequence.first_row() + i;
      std::copy_n(from.q->f32(row), q_width_, operands.output.f32(row));
      append(from, row, sequence, sequence.position(i));
    }
  }

 private:
  int64_t k_width() const noexcept { return page_.kv_heads * page_.head_dim; }

  Columns columns(const Operands& operands) const noexcept {
    const Operand* inputs = operands.inputs.data();
    if (operands.inputs.size() == 2) {
      return {inputs, inputs, inputs, q_width_, q_width_ + k_width()};
    }
    if (operands.inputs.size() == 3) return {inputs, inputs + 1, inputs + 1, 0, k_width()};
    return {inputs, inputs + 1, inputs + 2, 0, 0};
  }

  /// Copies keys and values of row `row` to entry `token` of the sequence.
  void append(const Columns& from, int64_t row, const PagedSequence& sequence,
              int64_t token) const noexcept {
    float* page = sequence.page(token / kPageTokens);
    const int64_t entry = token % kPageTokens;
    const float* k = from.k->f32(row) + from.k_column;
    const float* v = from.v->f32(row) + from.v_column;
    for (int64_t head = 0; head < page_.kv_heads; ++head) {
      float* keys = page + page_.keys(head) + entry;
      for (int64_t i = 0; i < page_.head_dim; ++i) keys[i * kPageTokens] = *k++;
      float* value = page + page_.values(head) + entry * page_.value_stride();
      std::copy_n(v, page_.head_dim, value);
      std::fill(value + page_.head_dim, value + page_.value_stride(), 0.0f);
      v += page_.head_dim;
    }
  }

  const KvPage page_;
  const int64_t q_width_;
};

}  // namespace

Result<OperatorPtr> make_append_kv(const OperatorConfig& config) {
  OperatorConfig rest = config;
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"heads", "kv_heads", "head_dim"}));
  if (rest.inputs.size() < 2) return invalid_argument("expected 2 to 4 inputs");
  rest.inputs.pop_back();
  LW_ASSIGN_OR_RETURN(const AttentionProblem problem, check_attention(rest));
  LW_RETURN_IF_ERROR(check_pages(config, problem));
  return OperatorPtr(std::make_unique<AppendKvOperator>(problem));
}

constinit const OperatorDescription append_kv_operator = {
    .make = make_append_kv,
    .rows = tokens_and_pages,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
