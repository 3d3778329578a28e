#include "ops/linear/linear_weight.hpp"

#include "base/status_macros.hpp"
#include "ops/linear/linear_tables.hpp"

namespace lanewise::ops {
namespace {

// 128 * 128 times as many inputs are still below 2^31.
constexpr int64_t kMostExactInputs = 131'071;
// Inputs whose products a 4-bit kernel adds in 16 bits.
constexpr int64_t kGroupStep = 32;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Dimensions {
  int64_t n;
  int64_t k;
  int64_t panels() const { return ceil_div(n, static_cast<int64_t>(kPanel)); }
};

template <typename T>
Result<const T*> read(const OperatorConfig& config, std::string_view role, DataType type,
                      const Shape& shape) {
  LW_ASSIGN_OR_RETURN(const void* data, config.weight(role, type, shape));
  return static_cast<const T*>(data);
}

Status read_panels(const OperatorConfig& config, DataType type, const Shape& shape,
                   LinearWeight& w) {
  LW_ASSIGN_OR_RETURN(w.panels, read<std::byte>(config, "weight", type, shape));
  size_t bytes = size_of(type);
  for (size_t i = 1; i < shape.size(); ++i) bytes *= static_cast<size_t>(shape[i]);
  w.panel_bytes = bytes;
  return {};
}

Status read_input_scale(const OperatorConfig& config, const Dimensions& d, LinearWeight& w) {
  LW_ASSIGN_OR_RETURN(const void* scale,
                      config.optional_weight("input_scale", DataType::kF32, {d.k}));
  w.input_scale = static_cast<const float*>(scale);
  return {};
}

Result<LinearWeight> f32_weight(const OperatorConfig& config, const Dimensions& d) {
  LW_RETURN_IF_ERROR(config.expect_only_weights({"weight", "bias"}));
  LinearWeight w{.type = LinearType::kF32};
  LW_RETURN_IF_ERROR(read_panels(config, DataType::kF32, {d.panels(), d.k, 16}, w));
  return w;
}

Result<LinearWeight> bf16_weight(const OperatorConfig& config, const Dimensions& d) {
  LW_RETURN_IF_ERROR(config.expect_only_weights({"weight", "bias"}));
  LinearWeight w{.type = LinearType::kBF16};
  const Shape shape{d.panels(), ceil_div(d.k, 2), 16, 2};
  LW_RETURN_IF_ERROR(read_panels(config, DataType::kBF16, shape, w));
  return w;
}

Result<LinearWeight> i8_weight(const OperatorConfig& config, const Dimensions& d) {
  LW_RETURN_IF_ERROR(
      config.expect_only_weights({"weight", "weight_scale", "weight_sum", "input_scale", "bias"}));
  LinearWeight w{.type = LinearType::kI8};
  const Shape shape{d.panels(), ceil_div(d.k, 4), 16, 4};
  LW_RETURN_IF_ERROR(read_panels(config, DataType::kI8, shape, w));
  LW_ASSIGN_OR_RETURN(w.scale, read<float>(config, "weight_scale", DataType::kF32, {d.n}));
  LW_ASSIGN_OR_RETURN(w.sum, read<int32_t>(config, "weight_sum", DataType::kI32, {d.n}));
  LW_RETURN_IF_ERROR(read_input_scale(config, d, w));
  return w;
}

/// Groups of the weight_scale that is there; 0 if it has not the right number of dimensions.
int64_t groups_of(const OperatorConfig& config) {
  const auto scale = config.weights.find("weight_scale");
  const bool fits = scale != config.weights.end() && scale->second.shape.size() == 3;
  return fits ? scale->second.shape[1] : 0;
}

Result<LinearWeight> i4_weight(const OperatorConfig& config, const Dimensions& d) {
  LW_RETURN_IF_ERROR(config.expect_only_weights(
      {"weight", "weight_scale", "weight_minimum", "weight_sum", "input_scale", "bias"}));
  const Shape& found = config.weights.find("weight")->second.shape;
  const int64_t steps = found.size() == 3 ? found[1] : 0;
  const int64_t groups = groups_of(config);
  const Shape scales{d.panels(), groups, 16};
  LinearWeight w{.type = LinearType::kI4};
  LW_ASSIGN_OR_RETURN(w.scale, read<float>(config, "weight_scale", DataType::kF32, scales));
  const int64_t group = groups < 1 ? 0 : 8 * (steps / groups);
  if (group < 1 || group % kGroupStep != 0 || ceil_div(d.k, group) != groups) {
    return invalid_argument("weight 'weight_scale': " + std::to_string(groups) +
                            " groups do not divide " + std::to_string(8 * steps) +
                            " inputs into multiples of " + std::to_string(kGroupStep));
  }
  LW_RETURN_IF_ERROR(read_panels(config, DataType::kU8, {d.panels(), groups * group / 8, 64}, w));
  LW_ASSIGN_OR_RETURN(const void* minimum,
                      config.optional_weight("weight_minimum", DataType::kF32, scales));
  w.minimum = static_cast<const float*>(minimum);
  LW_ASSIGN_OR_RETURN(w.total, read<float>(config, "weight_sum", DataType::kF32, {d.n}));
  w.group = static_cast<size_t>(group);
  LW_RETURN_IF_ERROR(read_input_scale(config, d, w));
  return w;
}

Status expect_exact(const Dimensions& d) {
  if (d.k <= kMostExactInputs) return {};
  return unsupported("weight 'weight': integers of " + std::to_string(d.k) +
                     " inputs do not add up in 32 bits; the most are " +
                     std::to_string(kMostExactInputs));
}

}  // namespace

Result<LinearWeight> linear_weight(const OperatorConfig& config, int64_t n, int64_t k) {
  const Dimensions d{n, k};
  const auto weight = config.weights.find("weight");
  const DataType type = weight == config.weights.end() ? DataType::kF32 : weight->second.type;
  switch (type) {
    case DataType::kBF16:
      return bf16_weight(config, d);
    case DataType::kI8:
      LW_RETURN_IF_ERROR(expect_exact(d));
      return i8_weight(config, d);
    case DataType::kU8:
      LW_RETURN_IF_ERROR(expect_exact(d));
      return i4_weight(config, d);
    default:
      return f32_weight(config, d);
  }
}

LinearMultiply linear_multiply(LinearType type, Isa isa) noexcept {
  const auto of = [](const auto& kernels) {
    return LinearMultiply{kernels.multiply, kernels.tile_rows};
  };
  switch (type) {
    case LinearType::kBF16:
      return of(linear_bf16_kernels_for(isa));
    case LinearType::kI8:
      return of(linear_i8_kernels_for(isa));
    case LinearType::kI4:
      return of(linear_i4_kernels_for(isa));
    case LinearType::kF32:
      break;
  }
  return of(linear_kernels_for(isa));
}

}  // namespace lanewise::ops
