#include "ops/rotary/rotary_angles.hpp"

#include <algorithm>
#include <cmath>

#include "base/dcheck.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kAngleNanoseconds = 25;

struct AnglesSpec {
  const float* frequencies = nullptr;       // [count]
  const float* long_frequencies = nullptr;  // [count], with trained_tokens > 0
  int64_t count = 0;
  double scale = 1;
  bool has_positions = false;
  int64_t trained_tokens = 0;

  size_t inputs() const { return !has_positions ? 1 : trained_tokens > 0 ? 3 : 2; }
};

class RotaryAngles final : public RowOperator {
 public:
  explicit RotaryAngles(const AnglesSpec& spec)
      : RowOperator(kAngleNanoseconds * static_cast<double>(2 * spec.count)), spec_(spec) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    if (spec_.has_positions) {
      for (int32_t row = piece.begin; row < piece.end; ++row) {
        const bool is_long = spec_.trained_tokens > 0 && *operands.inputs[2].i32(row) != 0;
        fill(*operands.inputs[1].i32(row), is_long, operands.output.f32(row));
      }
      return;
    }
    const RaggedRows& ragged = *operands.inputs[0].ragged;
    const int32_t* const ends = ragged.offsets + 1;
    const int32_t* end = std::upper_bound(ends, ends + ragged.sequences, piece.begin);
    for (int32_t row = piece.begin; row < piece.end; ++row) {
      for (; *end <= row; ++end) LW_DCHECK(end < ends + ragged.sequences);
      const bool is_long = spec_.trained_tokens > 0 && *end - end[-1] > spec_.trained_tokens;
      fill(row - end[-1], is_long, operands.output.f32(row));
    }
  }

 private:
  void fill(int32_t position, bool is_long, float* y) const noexcept {
    const float* const frequencies = is_long ? spec_.long_frequencies : spec_.frequencies;
    for (int64_t i = 0; i < spec_.count; ++i) {
      const float angle = static_cast<float>(position) * frequencies[i];
      y[i] = static_cast<float>(spec_.scale * std::cos(static_cast<double>(angle)));
      y[spec_.count + i] = static_cast<float>(spec_.scale * std::sin(static_cast<double>(angle)));
    }
  }

  AnglesSpec spec_;
};

Result<int64_t> trained_tokens(const Attributes& attributes) {
  LW_ASSIGN_OR_RETURN(const int64_t tokens, attributes.get_int("trained_tokens", 0));
  if (tokens >= 0) return tokens;
  return invalid_argument("attribute 'trained_tokens': expected 0 or more, found " +
                          std::to_string(tokens));
}

Status check_operands(const OperatorConfig& config, size_t inputs) {
  if (config.inputs.size() != inputs) {
    return invalid_argument("expected " + std::to_string(inputs) + " inputs, found " +
                            std::to_string(config.inputs.size()));
  }
  for (const OperandSpec& input : config.inputs) {
    if (input.type == DataType::kI32 && input.features == 1) continue;
    return invalid_argument("expected inputs of 1 feature of type I32, found " +
                            std::to_string(input.features) + " of type " +
                            std::string(name_of(input.type)));
  }
  const OperandSpec& y = config.output;
  if (y.type == DataType::kF32 && y.features >= 2 && y.features % 2 == 0) return {};
  return invalid_argument("expected an output of an even number of features of type F32, found " +
                          std::to_string(y.features) + " of type " + std::string(name_of(y.type)));
}

}  // namespace

Result<OperatorPtr> make_rotary_angles(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"scale", "has_positions", "trained_tokens"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"frequencies", "long_frequencies"}));
  AnglesSpec spec;
  LW_ASSIGN_OR_RETURN(spec.scale, config.attributes.get_double("scale", 1.0));
  if (!std::isfinite(spec.scale)) {
    return invalid_argument("attribute 'scale': expected a finite number");
  }
  LW_ASSIGN_OR_RETURN(spec.has_positions, config.attributes.get_bool("has_positions", false));
  LW_ASSIGN_OR_RETURN(spec.trained_tokens, trained_tokens(config.attributes));
  LW_RETURN_IF_ERROR(check_operands(config, spec.inputs()));
  spec.count = config.output.features / 2;
  LW_ASSIGN_OR_RETURN(const void* frequencies,
                      config.weight("frequencies", DataType::kF32, {spec.count}));
  spec.frequencies = static_cast<const float*>(frequencies);
  if (spec.trained_tokens > 0) {
    LW_ASSIGN_OR_RETURN(const void* others,
                        config.weight("long_frequencies", DataType::kF32, {spec.count}));
    spec.long_frequencies = static_cast<const float*>(others);
  }
  return OperatorPtr(std::make_unique<RotaryAngles>(spec));
}

namespace {

Result<bool> always_takes_positions(const Attributes& /*attributes*/) { return true; }

/// The position of a token is all that is read, so any vocabulary will do.
Result<std::vector<TableRows>> no_tables(const Attributes& /*attributes*/,
                                         const IdLimits& /*limits*/) {
  return std::vector<TableRows>();
}

}  // namespace

constinit const OperatorDescription rotary_angles_operator = {
    .make = make_rotary_angles,
    .rows = same_rows,
    .step = DecodingStep{.kind = DecodingStep::Kind::kSame,
                         .takes_positions = always_takes_positions,
                         .trained_tokens = trained_tokens},
    .weights = std::span<const WeightRole>(),
    .tables = no_tables,
};

}  // namespace lanewise::ops
