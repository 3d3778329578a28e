#include "ops/experts/expert_linear.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/experts/routes.hpp"
#include "ops/weights/linear_block.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::ops {
namespace {

constexpr auto kPanelSize = static_cast<int64_t>(kPanel);
// Rows of an expert that are multiplied together: they are copied, so no more than fit in a cache.
constexpr int64_t kRowsAtOnce = 48;
// Enough that a thread that loses its core does not delay the others.
constexpr int64_t kPiecesPerThread = 4;

struct ExpertProblem {
  int64_t experts = 0;
  int64_t top_k = 0;
  int64_t n = 0;
  int64_t k = 0;
  bool per_expert = false;
  WeightPtr weight;  // [experts * panels() * 16, k]

  int64_t panels() const noexcept { return ceil_div(n, kPanelSize); }  // of each expert
};

/// Some tokens of one expert, as rows one after another.
struct Gathered {
  const float* from[kRowsAtOnce];
  float* to[kRowsAtOnce];
  int64_t rows = 0;
};

/// A piece: features [other_begin, other_end) of the experts [begin, end).
class ExpertLinear final : public Operator {
 public:
  explicit ExpertLinear(ExpertProblem problem) : p_(std::move(problem)) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    if (operands.output.rows == 0) return;
    const int64_t parts = parts_of(operands.output.rows, threads);
    for (int64_t expert = 0; expert < p_.experts; ++expert) {
      for (int64_t part = 0; part < parts; ++part) {
        pieces.push_back({static_cast<int32_t>(expert), static_cast<int32_t>(expert + 1),
                          first_feature(part, parts), first_feature(part + 1, parts)});
      }
    }
  }

  PieceLimit most_pieces(int threads) const noexcept override {
    return {.more = p_.experts * parts_of(1, threads)};
  }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    for (int64_t expert = piece.begin; expert < piece.end; ++expert) {
      run_expert(operands, expert, piece, scratch);
    }
  }

  size_t scratch_bytes() const noexcept override {
    return sizeof(float) * static_cast<size_t>(kRowsAtOnce * (x_stride() + p_.n)) +
           p_.weight->scratch_bytes({});
  }

  double flops(const Operands& operands) const noexcept override {
    return 2.0 * static_cast<double>(operands.output.rows * p_.top_k) * static_cast<double>(p_.k) *
           static_cast<double>(p_.n);
  }

 private:
  /// Of part `part` of `parts`: the first one of a panel, or n.
  int32_t first_feature(int64_t part, int64_t parts) const noexcept {
    return static_cast<int32_t>(std::min(p_.panels() * part / parts * kPanelSize, p_.n));
  }

  /// With few tokens there are few experts to divide among the threads, but at least top_k.
  int64_t parts_of(int64_t rows, int threads) const noexcept {
    if (threads <= 1) return 1;
    const int64_t busy = std::min(p_.experts, rows * p_.top_k);
    return std::clamp(ceil_div(kPiecesPerThread * threads, busy), int64_t{1}, p_.panels());
  }

  int64_t x_stride() const noexcept {
    const size_t bytes = prepared_stride(static_cast<size_t>(p_.k) * sizeof(float));
    return static_cast<int64_t>(bytes / sizeof(float));
  }

  void run_expert(const Operands& operands, int64_t expert, const Piece& piece,
                  std::byte* scratch) const noexcept {
    const Routes routes{operands.inputs[1], p_.top_k};
    Gathered gathered;
    for (int64_t row = 0; row < operands.output.rows; ++row) {
      for (int64_t j = 0; j < p_.top_k; ++j) {
        if (!routes.is(row, j, expert)) continue;
        const int64_t column = p_.per_expert ? j * p_.k : 0;
        gathered.from[gathered.rows] = operands.inputs[0].f32(row) + column;
        gathered.to[gathered.rows] = operands.output.f32(row) + j * p_.n + piece.other_begin;
        if (++gathered.rows < kRowsAtOnce) continue;
        multiply(expert, piece, gathered, scratch);
        gathered.rows = 0;
      }
    }
    if (gathered.rows > 0) multiply(expert, piece, gathered, scratch);
  }

  /// One row needs no copy.
  void multiply(int64_t expert, const Piece& piece, const Gathered& gathered,
                std::byte* scratch) const noexcept {
    auto* x = reinterpret_cast<float*>(scratch);
    float* y = x + kRowsAtOnce * x_stride();
    const int64_t n = piece.other_end - piece.other_begin;
    LinearBlock block{};
    block.rows = static_cast<size_t>(gathered.rows);
    block.k = static_cast<size_t>(p_.k);
    block.n = static_cast<size_t>(n);
    const bool copies = gathered.rows > 1;
    for (int64_t r = 0; copies && r < gathered.rows; ++r) {
      std::copy_n(gathered.from[r], p_.k, x + r * x_stride());
    }
    block.x = copies ? x : gathered.from[0];
    block.x_stride = static_cast<size_t>(x_stride());
    block.y = copies ? y : gathered.to[0];
    block.y_stride = block.n;
    const auto feature = static_cast<size_t>(expert * p_.panels() * kPanelSize + piece.other_begin);
    p_.weight->multiply(block, feature, reinterpret_cast<std::byte*>(y + kRowsAtOnce * p_.n));
    for (int64_t r = 0; copies && r < gathered.rows; ++r) {
      std::copy_n(y + r * n, n, gathered.to[r]);
    }
  }

  const ExpertProblem p_;
};

Result<ExpertProblem> check(const OperatorConfig& config) {
  ExpertProblem p;
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"experts", "per_expert"}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(2, 2));
  LW_ASSIGN_OR_RETURN(p.experts, config.attributes.get_int("experts", 0));
  LW_ASSIGN_OR_RETURN(p.per_expert, config.attributes.get_bool("per_expert", false));
  if (p.experts < 1 || p.experts > kMostExperts) {
    return invalid_argument("attribute 'experts': expected 1 to " + std::to_string(kMostExperts) +
                            ", found " + std::to_string(p.experts));
  }
  p.top_k = config.inputs[1].features / 2;
  LW_RETURN_IF_ERROR(expect_routes(config.inputs[1], p.top_k));
  const int64_t inputs = p.per_expert ? p.top_k : 1;
  p.k = config.inputs[0].features / inputs;
  p.n = config.output.features / p.top_k;
  if (p.k < 1 || p.k * inputs != config.inputs[0].features) {
    return invalid_argument("x: expected a multiple of " + std::to_string(inputs) +
                            " features, found " + std::to_string(config.inputs[0].features));
  }
  if (p.n < 1 || p.n * p.top_k != config.output.features) {
    return invalid_argument("output: expected a multiple of " + std::to_string(p.top_k) +
                            " features, found " + std::to_string(config.output.features));
  }
  if (p.panels() > INT32_MAX / kPanelSize / p.experts) {
    return invalid_argument("more than 2^31 features of all experts");
  }
  const int64_t all = p.experts * p.panels() * kPanelSize;
  LW_ASSIGN_OR_RETURN(p.weight, bind_weight(config, "weight", all, p.k));
  LW_RETURN_IF_ERROR(expect_only_weights(config, "weight", p.weight->format(), {}));
  return p;
}

}  // namespace

Result<OperatorPtr> make_expert_linear(const OperatorConfig& config) {
  LW_ASSIGN_OR_RETURN(ExpertProblem problem, check(config));
  return OperatorPtr(std::make_unique<ExpertLinear>(std::move(problem)));
}

namespace {

constexpr WeightRole kWeights[] = {
    {.role = "weight", .use = WeightUse::kProduct, .low_precision = true}};

int64_t product_rows(const Attributes& attributes, std::span<const int64_t> features) {
  const auto per_expert = attributes.get_bool("per_expert", false);
  return per_expert.ok() && *per_expert && features.size() > 1 ? features[1] / 2 : 1;
}

int64_t expert_matrices(const Attributes& attributes) {
  const auto experts = attributes.get_int("experts", 1);
  return experts.ok() ? *experts : 1;
}

}  // namespace

constinit const OperatorDescription expert_linear_operator = {
    .make = make_expert_linear,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = kWeights,
    .product_rows = product_rows,
    .matrices = expert_matrices,
};

}  // namespace lanewise::ops
