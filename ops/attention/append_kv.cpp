#include "ops/attention/append_kv.hpp"

#include <algorithm>
#include <string>

#include "base/status_macros.hpp"
#include "ops/attention/attention_problem.hpp"
#include "ops/attention/kv_page.hpp"
#include "ops/attention/kv_row.hpp"
#include "ops/attention/paged_operands.hpp"
#include "ops/description.hpp"
#include "ops/weights/bf16/bf16.hpp"

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

/// Where a token's key and value of a head go.
struct Entry {
  const KvPage& page;
  int64_t head;
  int64_t entry;  // of the token in its page
};

/// Writes a key and a value, [head_dim] each, to a page.
using Append = void (*)(const Entry& to, float* page, const float* k, const float* v) noexcept;

/// With each number as `convert` makes it.
template <typename T, typename Convert>
void append_as(const Entry& to, float* page, const float* k, const float* v,
               Convert convert) noexcept {
  const int64_t head_dim = to.page.head_dim;
  const int64_t stride = to.page.value_stride();
  T* keys = reinterpret_cast<T*>(page + to.page.keys(to.head)) + to.entry;
  for (int64_t i = 0; i < head_dim; ++i) keys[i * kPageTokens] = convert(k[i]);
  T* value = reinterpret_cast<T*>(page + to.page.values(to.head)) + to.entry * stride;
  for (int64_t i = 0; i < head_dim; ++i) value[i] = convert(v[i]);
  std::fill(value + head_dim, value + stride, T{});
}

void append_f32(const Entry& to, float* page, const float* k, const float* v) noexcept {
  append_as<float>(to, page, k, v, [](float x) { return x; });
}

void append_bf16(const Entry& to, float* page, const float* k, const float* v) noexcept {
  append_as<uint16_t>(to, page, k, v, to_bf16);
}

void append_int8(const Entry& to, float* page, const float* k, const float* v) noexcept {
  const int64_t head_dim = to.page.head_dim;
  const int64_t stride = to.page.value_stride();
  auto* keys = reinterpret_cast<int8_t*>(page + to.page.keys(to.head)) + to.entry;
  auto* value = reinterpret_cast<int8_t*>(page + to.page.values(to.head)) + to.entry * stride;
  float* scales = page + to.page.scales(to.head) + to.entry;
  scales[0] = round_to_int8(k, head_dim, keys, kPageTokens);
  scales[kPageTokens] = round_to_int8(v, head_dim, value, 1);
  std::fill(value + head_dim, value + stride, int8_t{0});
}

Append append_of(KvType type) noexcept {
  switch (type) {
    case KvType::kBf16:
      return append_bf16;
    case KvType::kInt8:
      return append_int8;
    case KvType::kF32:
      break;
  }
  return append_f32;
}

/// A piece: tokens [other_begin, other_end) of sequence `begin`.
class AppendKvOperator final : public Operator {
 public:
  AppendKvOperator(const AttentionProblem& problem, const KvPage& page)
      : page_(page), q_width_(problem.heads * problem.head_dim), append_(append_of(page.type)) {}

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

  /// Writes keys and values of row `row` to entry `token` of the sequence.
  void append(const Columns& from, int64_t row, const PagedSequence& sequence,
              int64_t token) const noexcept {
    const float* k = from.k->f32(row) + from.k_column;
    const float* v = from.v->f32(row) + from.v_column;
    float* page = sequence.page(token / kPageTokens);
    for (int64_t head = 0; head < page_.kv_heads; ++head) {
      append_({.page = page_, .head = head, .entry = token % kPageTokens}, page, k, v);
      k += page_.head_dim;
      v += page_.head_dim;
    }
  }

  const KvPage page_;
  const int64_t q_width_;
  const Append append_;
};

}  // namespace

Result<OperatorPtr> make_append_kv(const OperatorConfig& config) {
  OperatorConfig rest = config;
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"heads", "kv_heads", "head_dim", kCacheType}));
  LW_ASSIGN_OR_RETURN(const KvPage page, page_of(config.attributes));
  rest.attributes.erase(kCacheType);
  if (rest.inputs.size() < 2) return invalid_argument("expected 2 to 4 inputs");
  rest.inputs.pop_back();
  LW_ASSIGN_OR_RETURN(const AttentionProblem problem, check_attention(rest));
  LW_RETURN_IF_ERROR(check_pages(config, page));
  return OperatorPtr(std::make_unique<AppendKvOperator>(problem, page));
}

constinit const OperatorDescription append_kv_operator = {
    .make = make_append_kv,
    .rows = tokens_and_pages,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
