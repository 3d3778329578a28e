#include "ops/recurrent/recurrent.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/status_macros.hpp"
#include "ops/recurrent/recurrent_kernels.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE RecurrentKernels
#define LW_KERNEL_NAME recurrent_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

// Sequences that advance through time together and share each pass over the recurrent weights. From
// this many rows on, multiplying takes longer than reading the weights (ops/linear/README.md).
constexpr int64_t kMostRows = 32;
// Prevents overflow in products of features.
constexpr int64_t kMostDim = INT32_MAX / 8;

struct RecurrentProblem {
  RecurrentCell cell = RecurrentCell::kGru;
  bool cached = false;
  bool reverse = false;
  bool has_initial = false;
  int64_t dim = 0;
  WeightPtr weight;             // [gates * dim, dim]
  const float* bias = nullptr;  // [gates * dim] or null

  int64_t gate_features() const noexcept { return (cell == RecurrentCell::kGru ? 3 : 4) * dim; }
  int64_t state_features() const noexcept { return (cell == RecurrentCell::kGru ? 1 : 2) * dim; }
  // Rows of whole vectors.
  int64_t product_stride() const noexcept { return ceil_div(gate_features(), 16) * 16; }
  int64_t state_stride() const noexcept { return ceil_div(state_features(), 16) * 16; }
};

/// The sequences of a piece, longest first: those that still have a token at a given time come
/// first, and no row is padding.
class Group {
 public:
  Group(const RaggedRows& ragged, const Piece& piece) noexcept : offsets_(ragged.offsets) {
    for (int32_t s = piece.begin; s < piece.end; ++s) {
      int64_t place = rows_++;
      for (; place > 0 && tokens(order_[static_cast<size_t>(place - 1)]) < tokens(s); --place) {
        order_[static_cast<size_t>(place)] = order_[static_cast<size_t>(place - 1)];
      }
      order_[static_cast<size_t>(place)] = s;
    }
  }

  int64_t rows() const noexcept { return rows_; }
  int32_t sequence(int64_t row) const noexcept { return order_[static_cast<size_t>(row)]; }
  int32_t tokens(int32_t sequence) const noexcept {
    return offsets_[sequence + 1] - offsets_[sequence];
  }
  int32_t first_token(int32_t sequence) const noexcept { return offsets_[sequence]; }

 private:
  const int32_t* offsets_;
  int64_t rows_ = 0;
  std::array<int32_t, kMostRows> order_;
};

/// A piece: sequences [begin, end), at most kMostRows of them.
class RecurrentOperator final : public Operator {
 public:
  RecurrentOperator(const RecurrentProblem& problem, Isa isa)
      : problem_(problem),
        advance_(problem.cell == RecurrentCell::kGru ? kernels_for<RecurrentKernels>(isa).gru
                                                     : kernels_for<RecurrentKernels>(isa).lstm) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    const RaggedRows& ragged = *operands.inputs[0].ragged;
    if (ragged.sequences == 0) return;
    const int64_t together = std::min(kMostRows, ceil_div(ragged.sequences, std::max(threads, 1)));
    const int64_t groups = ceil_div(ragged.sequences, together);
    const size_t first = pieces.size();
    for (int64_t g = 0; g < groups; ++g) {
      pieces.push_back({static_cast<int32_t>(ragged.sequences * g / groups),
                        static_cast<int32_t>(ragged.sequences * (g + 1) / groups), 0, 0});
    }
    const auto tokens = [&](const Piece& piece) {
      return ragged.offsets[piece.end] - ragged.offsets[piece.begin];
    };
    std::sort(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end(),
              [&](const Piece& a, const Piece& b) {
                const int32_t tokens_a = tokens(a), tokens_b = tokens(b);
                return tokens_a != tokens_b ? tokens_a > tokens_b : a.begin < b.begin;
              });
  }

  PieceLimit most_pieces(int) const noexcept override { return {.of_sequence = 1}; }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    const Group group(*operands.inputs[0].ragged, piece);
    auto* state = reinterpret_cast<float*>(scratch);
    float* product = state + kMostRows * problem_.state_stride();
    std::byte* prepared = scratch + state_and_product_bytes();
    for (int64_t row = 0; row < group.rows(); ++row) {
      begin_sequence(operands, group, row, state + row * problem_.state_stride());
    }
    int64_t rows = group.rows();
    for (int32_t time = 0;; ++time) {
      while (rows > 0 && group.tokens(group.sequence(rows - 1)) <= time) --rows;
      if (rows == 0) return;
      multiply(state, rows, product, prepared);
      advance(operands, group, time, rows, state, product);
    }
  }

  size_t scratch_bytes() const noexcept override {
    return state_and_product_bytes() + problem_.weight->scratch_bytes({});
  }

  double flops(const Operands& operands) const noexcept override {
    return 2.0 * static_cast<double>(operands.output.rows) *
           static_cast<double>(problem_.gate_features()) * static_cast<double>(problem_.dim);
  }

 private:
  /// A multiple of 64: strides are whole vectors.
  size_t state_and_product_bytes() const noexcept {
    return sizeof(float) *
           static_cast<size_t>(kMostRows * (problem_.state_stride() + problem_.product_stride()));
  }

  size_t state_bytes() const noexcept {
    return static_cast<size_t>(problem_.state_features()) * sizeof(float);
  }

  void begin_sequence(const Operands& operands, const Group& group, int64_t row,
                      float* state) const noexcept {
    const int32_t sequence = group.sequence(row);
    const float* from = problem_.has_initial ? operands.inputs[1].f32(sequence) : nullptr;
    if (problem_.cached) {
      const Operand& cache = operands.inputs.back();
      const int32_t past = cache.tables->lengths[sequence] - group.tokens(sequence);
      if (past > 0) from = cache.f32(cache.tables->rows[sequence][past - 1]);
    }
    if (from != nullptr) {
      std::memcpy(state, from, state_bytes());
    } else {
      std::memset(state, 0, state_bytes());
    }
  }

  /// product = h U^T + b for the first `rows` states.
  void multiply(const float* state, int64_t rows, float* product,
                std::byte* prepared) const noexcept {
    LinearBlock block{};
    block.x = state;
    block.x_stride = static_cast<size_t>(problem_.state_stride());
    block.bias = problem_.bias;
    block.y = product;
    block.y_stride = static_cast<size_t>(problem_.product_stride());
    block.rows = static_cast<size_t>(rows);
    block.k = static_cast<size_t>(problem_.dim);
    block.n = static_cast<size_t>(problem_.gate_features());
    block.activation = Activation::kNone;
    problem_.weight->multiply(block, 0, prepared);
  }

  void advance(const Operands& operands, const Group& group, int32_t time, int64_t rows,
               float* state, const float* product) const noexcept {
    const float* x[kMostRows];
    float* y[kMostRows];
    for (int64_t row = 0; row < rows; ++row) {
      const int32_t sequence = group.sequence(row);
      const int32_t place = problem_.reverse ? group.tokens(sequence) - 1 - time : time;
      const int64_t token = group.first_token(sequence) + place;
      x[row] = operands.inputs[0].f32(token);
      y[row] = operands.output.f32(token);
    }
    advance_({.x = x,
              .product = product,
              .product_stride = static_cast<size_t>(problem_.product_stride()),
              .state = state,
              .state_stride = static_cast<size_t>(problem_.state_stride()),
              .y = y,
              .rows = static_cast<size_t>(rows),
              .dim = static_cast<size_t>(problem_.dim)});
    if (!problem_.cached) return;
    const Operand& cache = operands.inputs.back();
    for (int64_t row = 0; row < rows; ++row) {
      const int32_t sequence = group.sequence(row);
      const int32_t past = cache.tables->lengths[sequence] - group.tokens(sequence);
      std::memcpy(cache.f32(cache.tables->rows[sequence][past + time]), y[row], state_bytes());
    }
  }

  const RecurrentProblem problem_;
  void (*const advance_)(const RecurrentStep& step) noexcept;
};

Status expect_features(std::string_view name, const OperandSpec& operand, int64_t features) {
  if (operand.type == DataType::kF32 && operand.features == features) return {};
  return invalid_argument(std::string(name) + ": expected " + std::to_string(features) +
                          " features F32, found " + std::to_string(operand.features) + " " +
                          std::string(name_of(operand.type)));
}

Status check_operands(const OperatorConfig& config, RecurrentProblem& problem) {
  const size_t least = problem.cached ? 2 : 1;
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(least, least + 1));
  problem.has_initial = config.inputs.size() > least;
  const int64_t per_unit = problem.cell == RecurrentCell::kGru ? 1 : 2;
  problem.dim = config.output.features / per_unit;
  if (problem.dim < 1 || problem.dim > kMostDim) {
    return invalid_argument("output: expected " + std::to_string(per_unit) + " to " +
                            std::to_string(per_unit * kMostDim) + " features, found " +
                            std::to_string(config.output.features));
  }
  LW_RETURN_IF_ERROR(expect_features("output", config.output, problem.state_features()));
  LW_RETURN_IF_ERROR(expect_features("x", config.inputs[0], problem.gate_features()));
  if (problem.has_initial) {
    LW_RETURN_IF_ERROR(
        expect_features("initial state", config.inputs[1], problem.state_features()));
  }
  if (!problem.cached) return {};
  return expect_features("cache", config.inputs.back(), problem.state_features());
}

}  // namespace

Result<OperatorPtr> make_recurrent(const OperatorConfig& config, RecurrentCell cell, bool cached) {
  RecurrentProblem problem{.cell = cell, .cached = cached};
  if (cached) {
    LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  } else {
    LW_RETURN_IF_ERROR(config.attributes.expect_only({"reverse"}));
    LW_ASSIGN_OR_RETURN(problem.reverse, config.attributes.get_bool("reverse", false));
  }
  LW_RETURN_IF_ERROR(check_operands(config, problem));
  const int64_t gates = problem.gate_features();
  LW_ASSIGN_OR_RETURN(problem.weight, bind_weight(config, "weight", gates, problem.dim));
  LW_RETURN_IF_ERROR(expect_only_weights(config, "weight", problem.weight->format(), {"bias"}));
  LW_ASSIGN_OR_RETURN(const void* bias, config.optional_weight("bias", DataType::kF32, {gates}));
  problem.bias = static_cast<const float*>(bias);
  return OperatorPtr(std::make_unique<RecurrentOperator>(problem, config.isa));
}

std::string_view tokens_with_cached_state(const NodeRows& rows) {
  const NodeRows::Input& cache = rows.inputs.back();
  if (cache.rows != RowSymbol::kCache || !cache.given || !are_tokens(rows.output) ||
      rows.inputs.size() < 2) {
    return "one row per token; the last input is a cache";
  }
  return tokens_with_initial_state({rows.inputs.first(rows.inputs.size() - 1), rows.output});
}

Result<int64_t> state_in_cache(const Attributes& /*attributes*/, int64_t output_features) {
  return output_features;
}

}  // namespace lanewise::ops
