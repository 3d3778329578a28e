#include "converters/quantize/quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "converters/quantize/dots.hpp"
#include "converters/quantize/error_feedback.hpp"
#include "converters/quantize/input_scale.hpp"
#include "converters/quantize/quantize_rows.hpp"
#include "converters/quantize/quantize_table.hpp"

namespace lanewise::converters {
namespace {

// Enough for two digits of an error, and as fast as the rounding itself.
constexpr int64_t kErrorRows = 128;

/// At most `count` rows, evenly spread.
InputRows some_rows(const InputRows& x, int64_t count) {
  if (x.rows <= count) return x;
  InputRows some{count, x.k, {}};
  for (int64_t i = 0; i < count; ++i) {
    const auto from = x.x.begin() + i * x.rows / count * x.k;
    some.x.insert(some.x.end(), from, from + x.k);
  }
  return some;
}

QuantizedMatrix rounded(WeightFormat format, std::span<const float> w, int64_t n, int64_t k,
                        std::span<const float> importance) {
  if (format == ops::kDecoderInt4) return quantize_table(w, n, k, importance);
  const int64_t group = ops::info_of(format).block;
  if (group == 0) return quantize_int8(w, n, k, importance);
  return quantize_int4(w, n, k, group, Minimums::kStored, importance);
}

}  // namespace

double output_error(std::span<const float> w, const QuantizedMatrix& matrix, const InputRows& x) {
  const int64_t k = matrix.k;
  const InputRows some = some_rows(x, kErrorRows);
  const InputRows integers = rounded_rows(
      matrix.input_scale.empty() ? some : scaled_rows(some, matrix.input_scale), matrix.format);
  const std::vector<float> approximated = dequantize(matrix);
  double error = 0;
  double whole = 0;
  for (int64_t i = 0; i < matrix.n; ++i) {
    for (int64_t row = 0; row < some.rows; ++row) {
      const double y = dot(w.data() + i * k, some.x.data() + row * k, static_cast<size_t>(k));
      const double d =
          y - dot(approximated.data() + i * k, integers.x.data() + row * k, static_cast<size_t>(k));
      error += d * d;
      whole += y * y;
    }
  }
  return whole > 0 ? std::sqrt(error / whole) : 0.0;
}

WeightFormat Quantizer::format_for(std::span<const float> w, int64_t k) const {
  const bool fits = options_.format != ops::kDecoderInt4 || fits_table(w, k);
  return fits ? options_.format : WeightFormat::i4g32;
}

QuantizedMatrix Quantizer::calibrated(WeightFormat format, std::span<const float> w, int64_t n,
                                      const InputRows& captured) {
  const InputRows x = normalized_rows(captured);
  const Rounding rounding = [&](std::span<const float> weights, std::span<const float> importance) {
    const auto outputs = static_cast<int64_t>(weights.size()) / x.k;
    return rounded(format, weights, outputs, x.k, importance);
  };
  // A sum of squares over fewer rows ranks the alphas the same.
  constexpr int64_t kScaleRows = 512;
  std::vector<float> scale;
  // Where each 32 inputs have a range of their own, a few large ones harm no others.
  if (format != ops::kDecoderInt4) {
    scale = find_input_scale(w, n, some_rows(x, kScaleRows), rounding, team_);
  }
  const std::vector<float> divided =
      scale.empty() ? std::vector<float>(w.begin(), w.end()) : divided_columns(w, scale);
  const InputRows inputs = rounded_rows(scale.empty() ? x : scaled_rows(x, scale), format);
  QuantizedMatrix plain = rounding(divided, mean_squares(inputs));
  QuantizedMatrix matrix = with_error_feedback(std::move(plain), divided, inputs, team_);
  matrix.input_scale = std::move(scale);
  return matrix;
}

const InputRows* Quantizer::inputs_of(const std::string& name) const {
  if (inputs_ == nullptr) return nullptr;
  const auto found = inputs_->find(name);
  return found == inputs_->end() ? nullptr : &found->second;
}

Result<QuantizedMatrix> Quantizer::quantize(const std::string& name, std::span<const float> w,
                                            int64_t n, int64_t k) {
  LW_RETURN_IF_ERROR(check_finite(name, w, k));
  const WeightFormat format = format_for(w, k);
  const InputRows* inputs = inputs_of(name);
  if (inputs == nullptr || inputs->k != k || inputs->rows == 0) {
    return rounded(format, w, n, k, {});
  }
  QuantizedMatrix matrix = calibrated(format, w, n, *inputs);
  errors_[name] = output_error(w, matrix, *inputs);
  return matrix;
}

}  // namespace lanewise::converters
