#include "ops/experts/top_experts.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/experts/routes.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kSelectionNanoseconds = 2.0;

class TopExperts final : public RowOperator {
 public:
  TopExperts(int64_t experts, int64_t top_k, bool normalize)
      : RowOperator(kSelectionNanoseconds * static_cast<double>(experts + top_k)),
        experts_(experts),
        top_k_(top_k),
        normalize_(normalize) {}

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    auto* order = reinterpret_cast<int32_t*>(scratch);
    for (int64_t row = piece.begin; row < piece.end; ++row) {
      choose(operands.inputs[0].f32(row), order, operands.output.f32(row));
    }
  }

  size_t scratch_bytes() const noexcept override {
    return sizeof(int32_t) * static_cast<size_t>(experts_);
  }

 private:
  /// `order`: [experts], of which the first top_k become the chosen ones.
  void choose(const float* x, int32_t* order, float* routes) const noexcept {
    std::iota(order, order + experts_, 0);
    std::partial_sort(order, order + top_k_, order + experts_,
                      [x](int32_t a, int32_t b) { return goes_before(x, a, b); });
    float* weights = routes + top_k_;
    float sum = 0.0f;
    for (int64_t j = 0; j < top_k_; ++j) {
      routes[j] = static_cast<float>(order[j]);
      weights[j] = x[order[j]];
      sum += weights[j];
    }
    if (!normalize_) return;
    for (int64_t j = 0; j < top_k_; ++j) weights[j] /= sum;
  }

  /// A total order, so that the choice does not depend on the algorithm: numbers from the largest
  /// on, of equal ones the lower index first, then NaNs from the last on.
  static bool goes_before(const float* x, int32_t a, int32_t b) noexcept {
    const bool a_is_nan = x[a] != x[a], b_is_nan = x[b] != x[b];
    if (a_is_nan || b_is_nan) return a_is_nan && b_is_nan ? a > b : b_is_nan;
    return x[a] != x[b] ? x[a] > x[b] : a < b;
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
