#include "ops/experts/top_experts.hpp"

#include <string>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/experts/routes.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kComparisonNanoseconds = 1.0;

class TopExperts final : public RowOperator {
 public:
  TopExperts(int64_t experts, int64_t top_k, bool normalize)
      : RowOperator(kComparisonNanoseconds * static_cast<double>(experts * top_k)),
        experts_(experts),
        top_k_(top_k),
        normalize_(normalize) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    for (int64_t row = piece.begin; row < piece.end; ++row) {
      choose(operands.inputs[0].f32(row), operands.output.f32(row));
    }
  }

 private:
  void choose(const float* x, float* routes) const noexcept {
    float* weights = routes + top_k_;
    float sum = 0.0f;
    for (int64_t j = 0; j < top_k_; ++j) {
      const int64_t expert = largest_but(x, routes, j);
      routes[j] = static_cast<float>(expert);
      weights[j] = x[expert];
      sum += weights[j];
    }
    if (!normalize_) return;
    for (int64_t j = 0; j < top_k_; ++j) weights[j] /= sum;
  }

  /// The largest that is not among the first `count` of `chosen`.
  int64_t largest_but(const float* x, const float* chosen, int64_t count) const noexcept {
    int64_t best = -1;
    for (int64_t i = 0; i < experts_; ++i) {
      if (is_among(i, chosen, count)) continue;
      // A NaN is replaced by whatever comes later.
      if (best < 0 || x[i] > x[best] || x[best] != x[best]) best = i;
    }
    return best;
  }

  static bool is_among(int64_t expert, const float* chosen, int64_t count) noexcept {
    for (int64_t j = 0; j < count; ++j) {
      if (chosen[j] == static_cast<float>(expert)) return true;
    }
    return false;
  }

  const int64_t experts_;
  const int64_t top_k_;
  const bool normalize_;
};

}  // namespace

Result<OperatorPtr> make_top_experts(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"top_k", "normalize"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(1, 1));
  const int64_t experts = config.inputs[0].features;
  LW_ASSIGN_OR_RETURN(const int64_t top_k, config.attributes.get_int("top_k", 0));
  LW_ASSIGN_OR_RETURN(const bool normalize, config.attributes.get_bool("normalize", false));
  if (experts < 1 || experts > kMostExperts) {
    return invalid_argument("expected 1 to " + std::to_string(kMostExperts) + " experts, found " +
                            std::to_string(experts));
  }
  if (top_k < 1 || top_k > experts) {
    return invalid_argument("attribute 'top_k': expected 1 to " + std::to_string(experts) +
                            ", found " + std::to_string(top_k));
  }
  LW_RETURN_IF_ERROR(expect_routes(config.output, top_k));
  return OperatorPtr(std::make_unique<TopExperts>(experts, top_k, normalize));
}

constinit const OperatorDescription top_experts_operator = {
    .make = make_top_experts,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
