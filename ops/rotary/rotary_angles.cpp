#include "ops/rotary/rotary_angles.hpp"

#include <algorithm>
#include <cmath>

#include "base/dcheck.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kElementNanoseconds = 25;

struct AnglesSpec {
  const float* frequencies = nullptr;  // [count]
  int64_t count = 0;
  double scale = 1;
  bool has_positions = false;
};

class RotaryAngles final : public RowOperator {
 public:
  explicit RotaryAngles(const AnglesSpec& spec)
      : RowOperator(kElementNanoseconds * static_cast<double>(2 * spec.count)), spec_(spec) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    if (spec_.has_positions) {
      for (int32_t row = piece.begin; row < piece.end; ++row) {
        fill(*operands.inputs[1].i32(row), operands.output.f32(row));
      }
      return;
    }
    const RaggedRows& ragged = *operands.inputs[0].ragged;
    const int32_t* const ends = ragged.offsets + 1;
    const int32_t* end = std::upper_bound(ends, ends + ragged.sequences, piece.begin);
    for (int32_t row = piece.begin; row < piece.end; ++row) {
      for (; *end <= row; ++end) LW_DCHECK(end < ends + ragged.sequences);
      fill(row - end[-1], operands.output.f32(row));
    }
  }

 private:
  void fill(int32_t position, float* y) const noexcept {
    for (int64_t i = 0; i < spec_.count; ++i) {
      const float angle = static_cast<float>(position) * spec_.frequencies[i];
      y[i] = static_cast<float>(spec_.scale * std::cos(static_cast<double>(angle)));
      y[spec_.count + i] = static_cast<float>(spec_.scale * std::sin(static_cast<double>(angle)));
    }
  }

  AnglesSpec spec_;
};

Status check_operands(const OperatorConfig& config, bool has_positions) {
  const size_t inputs = has_positions ? 2 : 1;
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
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"scale", "has_positions"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"frequencies"}));
  AnglesSpec spec;
  LW_ASSIGN_OR_RETURN(spec.scale, config.attributes.get_double("scale", 1.0));
  if (!std::isfinite(spec.scale)) {
    return invalid_argument("attribute 'scale': expected a finite number");
  }
  LW_ASSIGN_OR_RETURN(spec.has_positions, config.attributes.get_bool("has_positions", false));
  LW_RETURN_IF_ERROR(check_operands(config, spec.has_positions));
  spec.count = config.output.features / 2;
  LW_ASSIGN_OR_RETURN(const void* frequencies,
                      config.weight("frequencies", DataType::kF32, {spec.count}));
  spec.frequencies = static_cast<const float*>(frequencies);
  return OperatorPtr(std::make_unique<RotaryAngles>(spec));
}

namespace {

Result<bool> takes_positions(const Attributes& /*attributes*/) { return true; }

/// The position of a token is all that is read, so any vocabulary will do.
Result<std::vector<TableRows>> no_tables(const Attributes& /*attributes*/,
                                         const IdLimits& /*limits*/) {
  return std::vector<TableRows>();
}

}  // namespace

constinit const OperatorDescription rotary_angles_operator = {
    .make = make_rotary_angles,
    .rows = same_rows,
    .step = DecodingStep{.kind = DecodingStep::Kind::kSame, .takes_positions = takes_positions},
    .weights = std::span<const WeightRole>(),
    .tables = no_tables,
};

}  // namespace lanewise::ops
