#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "converters/quantize/quantization_json.hpp"
#include "converters/quantize/quantized_matrix.hpp"
#include "converters/report.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

struct QuantizationOptions {
  WeightFormat format = WeightFormat::i8;  ///< one that has quantised values
  std::string texts;                       ///< a file of texts; empty: built-in ones
  /// The allowed relative error of the results; none: default_max_error(), or nearly the least
  /// possible one if that cannot be met.
  std::optional<double> max_error;
  int threads = 0;  ///< 0: the CPUs that the process may use
};

/// The default limit of the results' error: relative errors with cosines to f32 of 0.999 (int8) and
/// 0.99 (int4) on average, with some margin for texts unlike those measured.
double default_max_error(WeightFormat format) noexcept;

/// The quantised values of the weight [n, k] named `<node>.<role>`; null: it stays bf16.
using WeightRounding = std::function<Result<std::shared_ptr<const QuantizedMatrix>>(
    const std::string& name, std::span<const float> w, int64_t n, int64_t k)>;

/// Makes the model whose product weights are given by a rounding.
using ModelPacker = std::function<Result<Model>(const WeightRounding& rounding)>;

struct ChosenRounding {
  WeightRounding rounding;  ///< returns the same values for a weight at every call
  QuantizationRecord record;
};

/// Finds the best quantisation of the weights of `f32`, and reports how far the results are from
/// those of f32. `pack` is called once, or a few times if an error limit applies.
///
/// Fails as reading the texts and `pack` do, and with kInvalidArgument if the error cannot be met,
/// or if there is no text to measure it on.
Result<ChosenRounding> choose_rounding(const Model& f32, const QuantizationOptions& options,
                                       const Report& report, const ModelPacker& pack);

}  // namespace lanewise::converters
