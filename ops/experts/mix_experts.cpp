#include "ops/experts/mix_experts.hpp"

#include <algorithm>
#include <string>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/experts/routes.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kMixExpertsNanoseconds = 0.5;

class MixExperts final : public RowOperator {
 public:
  MixExperts(int64_t dim, int64_t top_k)
      : RowOperator(kMixExpertsNanoseconds * static_cast<double>(dim * top_k)),
        dim_(dim),
        top_k_(top_k) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Routes routes{operands.inputs[1], top_k_};
    for (int64_t row = piece.begin; row < piece.end; ++row) {
      const float* x = operands.inputs[0].f32(row);
      float* y = operands.output.f32(row);
      std::fill_n(y, dim_, 0.0f);
      for (int64_t j = 0; j < top_k_; ++j, x += dim_) add(routes.weight(row, j), x, y);
    }
  }

 private:
  void add(float weight, const float* x, float* y) const noexcept {
    for (int64_t i = 0; i < dim_; ++i) y[i] += weight * x[i];
  }

  const int64_t dim_;
  const int64_t top_k_;
};

}  // namespace

Result<OperatorPtr> make_mix_experts(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(2, 2));
  const int64_t top_k = config.inputs[1].features / 2;
  LW_RETURN_IF_ERROR(expect_routes(config.inputs[1], top_k));
  const int64_t dim = config.output.features;
  if (dim < 1 || config.inputs[0].features % top_k != 0 ||
      config.inputs[0].features / top_k != dim) {
    return invalid_argument("x: expected " + std::to_string(top_k) + " times " +
                            std::to_string(dim) + " features, found " +
                            std::to_string(config.inputs[0].features));
  }
  return OperatorPtr(std::make_unique<MixExperts>(dim, top_k));
}

constinit const OperatorDescription mix_experts_operator = {
    .make = make_mix_experts,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
