#include "converters/adapters/products.hpp"

#include <algorithm>
#include <cmath>

namespace lanewise::converters {

void add_product(std::span<const float> b, std::span<const float> a, size_t rank, float scale,
                 std::span<float> y, size_t columns) {
  std::vector<float> row(columns);
  for (size_t i = 0; i < y.size() / std::max<size_t>(columns, 1); ++i) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (size_t k = 0; k < rank; ++k) {
      const float factor = b[i * rank + k];
      const float* from = a.data() + k * columns;
      for (size_t j = 0; j < columns; ++j) row[j] += factor * from[j];
    }
    for (size_t j = 0; j < columns; ++j) y[i * columns + j] += scale * row[j];
  }
}

std::vector<float> transposed(std::span<const float> x, size_t rows, size_t columns) {
  std::vector<float> y(x.size());
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) y[j * rows + i] = x[i * columns + j];
  }
  return y;
}

void set_magnitudes(std::span<const float> magnitudes, bool is_transposed, std::span<float> w) {
  const size_t outputs = magnitudes.size();
  const size_t inputs = w.size() / std::max<size_t>(outputs, 1);
  const size_t step = is_transposed ? outputs : 1;
  for (size_t o = 0; o < outputs; ++o) {
    float* first = w.data() + (is_transposed ? o : o * inputs);
    double squares = 0;
    for (size_t i = 0; i < inputs; ++i) {
      squares += static_cast<double>(first[i * step]) * static_cast<double>(first[i * step]);
    }
    const float factor = magnitudes[o] / static_cast<float>(std::sqrt(squares));
    for (size_t i = 0; i < inputs; ++i) first[i * step] *= factor;
  }
}

}  // namespace lanewise::converters
