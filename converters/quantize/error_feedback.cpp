#include "converters/quantize/error_feedback.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "converters/quantize/dots.hpp"
#include "converters/quantize/in_parallel.hpp"
#include "converters/quantize/inverse_root.hpp"
#include "converters/quantize/quantize_rows.hpp"
#include "converters/quantize/quantize_table.hpp"

namespace lanewise::converters {
namespace {

// A fraction of the mean diagonal: prevents overfitting to few rows.
constexpr double kDamping = 0.1;

using Order = std::vector<int64_t>;

/// x by input, in `order`: [k, rows].
std::vector<float> transposed(const InputRows& x, const Order& order) {
  std::vector<float> result;
  result.reserve(x.x.size());
  for (const int64_t j : order) {
    for (int64_t row = 0; row < x.rows; ++row) {
      result.push_back(x.x[static_cast<size_t>(row * x.k + j)]);
    }
  }
  return result;
}

/// products[j] = <x[j], x[i]> for x [k, rows] and j <= i
void dots_of_input(const std::vector<float>& x, int64_t rows, int64_t i, double* products) {
  const auto count = static_cast<size_t>(rows);
  const float* row = x.data() + i * rows;
  int64_t j = 0;
  for (; j + 4 <= i; j += 4) {
    const std::array<double, 4> sums = four_dots(x.data() + j * rows, count, row, count);
    std::copy(sums.begin(), sums.end(), products + j);
  }
  for (; j <= i; ++j) products[j] = dot(x.data() + j * rows, row, count);
}

/// The lower triangle of x x^T for x [k, rows], damped.
std::vector<double> products(const std::vector<float>& x, int64_t k, int64_t rows,
                             exec::Team& team) {
  std::vector<double> h(static_cast<size_t>(k * k));
  // Long rows first, so that no thread is left with one at the end.
  in_parallel(team, k, [&](int64_t done) {
    const int64_t i = k - 1 - done;
    dots_of_input(x, rows, i, h.data() + i * k);
  });
  double trace = 0;
  for (int64_t i = 0; i < k; ++i) trace += h[static_cast<size_t>(i * k + i)];
  const double damping = kDamping * trace / static_cast<double>(k);
  for (int64_t i = 0; i < k; ++i) h[static_cast<size_t>(i * k + i)] += damping;
  return h;
}

Order by_square(const InputRows& x) {
  const std::vector<float> squares = mean_squares(x);
  Order order(squares.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return squares[static_cast<size_t>(a)] > squares[static_cast<size_t>(b)];
  });
  return order;
}

/// The quantised values of one row of weights, and what they represent.
class RowOfIntegers {
 public:
  RowOfIntegers(QuantizedMatrix& matrix, int64_t row)
      : matrix_(matrix), row_(row), groups_((matrix.k + matrix.group - 1) / matrix.group) {}

  /// Returns the value that now represents w.
  float set(int64_t j, float w) {
    int8_t& value = matrix_.values[static_cast<size_t>(row_ * matrix_.k + j)];
    const auto g = static_cast<size_t>(row_ * groups_ + j / matrix_.group);
    const float scale = matrix_.scales[g];
    if (matrix_.format == ops::kDecoderInt4) {
      value = table_code(w, scale);
      return matrix_.weight(row_, j);
    }
    if (ops::info_of(matrix_.format).block == 0) {
      value = int8_value(w, scale);
      return scale * static_cast<float>(value);
    }
    const Int4Scale line{scale, matrix_.minimums.empty() ? -8.0F * scale : matrix_.minimums[g]};
    value = int4_value(w, line);
    return line.scale * static_cast<float>(value) + line.minimum;
  }

 private:
  QuantizedMatrix& matrix_;
  int64_t row_;
  int64_t groups_;
};

/// Rounds rows [begin, end) together, so that each row of u is read once for all of them.
void round_rows(QuantizedMatrix& matrix, std::span<const float> w, const Order& order,
                const std::vector<float>& u, int64_t begin, int64_t end) {
  const int64_t k = matrix.k;
  std::vector<float> rest(static_cast<size_t>((end - begin) * k));  // [rows, k] in order
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t at = 0; at < k; ++at) {
      rest[static_cast<size_t>((row - begin) * k + at)] =
          w[static_cast<size_t>(row * k + order[static_cast<size_t>(at)])];
    }
  }
  for (int64_t at = 0; at < k; ++at) {
    const float* factors = u.data() + at * k;
    for (int64_t row = begin; row < end; ++row) {
      float* to = rest.data() + (row - begin) * k;
      const float got = RowOfIntegers(matrix, row).set(order[static_cast<size_t>(at)], to[at]);
      const float error = (to[at] - got) / factors[at];
      for (int64_t next = at + 1; next < k; ++next) to[next] -= error * factors[next];
    }
  }
}

}  // namespace

QuantizedMatrix with_error_feedback(QuantizedMatrix plain, std::span<const float> w,
                                    const InputRows& x, exec::Team& team) {
  const Order order = by_square(x);
  const std::vector<float> u =
      inverse_root(products(transposed(x, order), x.k, x.rows, team), x.k, team);
  if (u.empty()) return plain;
  constexpr int64_t kTogether = 16;  // 256 KiB at 4096 inputs, which fit in a second-level cache
  in_parallel(team, (plain.n + kTogether - 1) / kTogether, [&](int64_t part) {
    const int64_t row = part * kTogether;
    round_rows(plain, w, order, u, row, std::min(plain.n, row + kTogether));
  });
  return plain;
}

}  // namespace lanewise::converters
