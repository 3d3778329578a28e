#include "ops/rows/neighbour_rows.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kNeighbourNanoseconds = 0.2;
// Larger than any model's.
constexpr int64_t kMostNeighbours = 1024;

class NeighbourRows final : public RowOperator {
 public:
  NeighbourRows(const OperatorConfig& config, int64_t before, int64_t after)
      : RowOperator(kNeighbourNanoseconds * static_cast<double>(config.output.features)),
        before_(before),
        after_(after) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Operand& x = operands.inputs[0];
    const RaggedRows& ragged = *x.ragged;
    const int32_t* end = ragged.offsets + ragged.sequences + 1;
    int64_t s = std::upper_bound(ragged.offsets, end, piece.begin) - ragged.offsets - 1;
    for (int64_t r = piece.begin; r < piece.end; ++r) {
      while (r >= ragged.offsets[s + 1]) ++s;
      const int64_t first = ragged.offsets[s];
      const int64_t last =
          ragged.attended == nullptr ? ragged.offsets[s + 1] : first + ragged.attended[s];
      join(x, {first, last}, r, operands.output.f32(r));
    }
  }

 private:
  /// The rows that are not 0.
  struct Range {
    int64_t begin;
    int64_t end;
  };

  void join(const Operand& x, const Range& range, int64_t r, float* y) const noexcept {
    const size_t row_bytes = static_cast<size_t>(x.features) * sizeof(float);
    for (int64_t other = r - before_; other <= r + after_; ++other, y += x.features) {
      if (other >= range.begin && other < range.end) {
        std::memcpy(y, x.f32(other), row_bytes);
      } else {
        std::memset(y, 0, row_bytes);
      }
    }
  }

  int64_t before_;
  int64_t after_;
};

Result<int64_t> get_neighbours(const OperatorConfig& config, const std::string& name) {
  LW_ASSIGN_OR_RETURN(const int64_t count, config.attributes.get_int(name, 0));
  if (count >= 0 && count <= kMostNeighbours) return count;
  return invalid_argument("attribute '" + name + "': expected 0 to " +
                          std::to_string(kMostNeighbours) + ", found " + std::to_string(count));
}

}  // namespace

Result<OperatorPtr> make_neighbour_rows(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"before", "after"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(1, 1));
  LW_ASSIGN_OR_RETURN(const int64_t before, get_neighbours(config, "before"));
  LW_ASSIGN_OR_RETURN(const int64_t after, get_neighbours(config, "after"));
  const int64_t features = config.inputs[0].features;
  if (features < 1 || features > INT32_MAX) return invalid_argument("features must be positive");
  const int64_t joined = features * (before + 1 + after);
  if (config.output.type == DataType::kF32 && config.output.features == joined) {
    return OperatorPtr(std::make_unique<NeighbourRows>(config, before, after));
  }
  return invalid_argument("output: expected " + std::to_string(joined) + " features F32, found " +
                          std::to_string(config.output.features) + " " +
                          std::string(name_of(config.output.type)));
}

namespace {

/// Sequences of rows are needed to know where one ends.
std::string_view rows_of_tokens(const NodeRows& rows) {
  return are_tokens(rows.output) ? same_rows(rows) : "one row per token";
}

}  // namespace

constinit const OperatorDescription neighbour_rows_operator = {
    .make = make_neighbour_rows,
    .rows = rows_of_tokens,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
