#include "ops/recurrent/recurrent_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/row_views.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// One row of a step.
struct Row {
  Row(const RecurrentStep& step, size_t r) noexcept
      : x(step.x[r]),
        product(step.product + r * step.product_stride),
        state(step.state + r * step.state_stride),
        y(step.y[r]) {}

  const float* x;
  const float* product;
  float* state;
  float* y;
};

LW_INLINE void gru_units(const Row& row, size_t dim, const RowPart& units) noexcept {
  const f32x16 r = sigmoid(units.from(row.x) + units.from(row.product));
  const f32x16 z = sigmoid(units.from(row.x + dim) + units.from(row.product + dim));
  const f32x16 n = tanh(fma(r, units.from(row.product + 2 * dim), units.from(row.x + 2 * dim)));
  const f32x16 h = units.from(row.state);
  const f32x16 next = fma(z, h - n, n);
  units.to(row.state, next);
  units.to(row.y, next);
}

LW_INLINE void lstm_units(const Row& row, size_t dim, const RowPart& units) noexcept {
  const f32x16 i = sigmoid(units.from(row.x) + units.from(row.product));
  const f32x16 f = sigmoid(units.from(row.x + dim) + units.from(row.product + dim));
  const f32x16 g = tanh(units.from(row.x + 2 * dim) + units.from(row.product + 2 * dim));
  const f32x16 o = sigmoid(units.from(row.x + 3 * dim) + units.from(row.product + 3 * dim));
  const f32x16 c = fma(f, units.from(row.state + dim), i * g);
  const f32x16 h = o * tanh(c);
  units.to(row.state, h);
  units.to(row.state + dim, c);
  units.to(row.y, h);
  units.to(row.y + dim, c);
}

using UnitsFunction = void (*)(const Row& row, size_t dim, const RowPart& units) noexcept;

template <UnitsFunction kUnits>
LW_INLINE void advance(const RecurrentStep& step) noexcept {
  for (size_t r = 0; r < step.rows; ++r) {
    const Row row(step, r);
    size_t first = 0;
    for (; first + kLanes <= step.dim; first += kLanes) kUnits(row, step.dim, {first, kLanes});
    if (first < step.dim) kUnits(row, step.dim, {first, step.dim - first});
  }
}

void gru(const RecurrentStep& step) noexcept { advance<gru_units>(step); }
void lstm(const RecurrentStep& step) noexcept { advance<lstm_units>(step); }

}  // namespace

LW_KERNELS(RecurrentKernels, recurrent_kernels) = {gru, lstm};

}  // namespace lanewise::ops::LW_ISA_NAME
