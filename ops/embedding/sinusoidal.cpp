#include "ops/embedding/sinusoidal.hpp"

#include <cmath>
#include <cstddef>

namespace lanewise::ops {

std::vector<float> sinusoidal_table(int64_t rows, int64_t dim, SinusoidalLayout layout) {
  const bool interleaved = layout == SinusoidalLayout::kInterleaved;
  const int64_t sines = (dim + 1) / 2;
  std::vector<float> table(static_cast<size_t>(rows * dim));
  for (int64_t i = 0; i < sines; ++i) {
    const double wavelength =
        std::pow(10000.0, 2.0 * static_cast<double>(i) / static_cast<double>(dim));
    const int64_t sine = interleaved ? 2 * i : i;
    const int64_t cosine = interleaved ? 2 * i + 1 : sines + i;
    for (int64_t p = 0; p < rows; ++p) {
      const double angle = static_cast<double>(p) / wavelength;
      float* row = table.data() + p * dim;
      row[sine] = static_cast<float>(std::sin(angle));
      if (cosine < dim) row[cosine] = static_cast<float>(std::cos(angle));
    }
  }
  return table;
}

}  // namespace lanewise::ops
