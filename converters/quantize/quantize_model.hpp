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
  WeightFormat format = WeightFormat::i8;  ///< one that is packed from integers
  std::string texts;                       ///< a file of texts; empty: built-in ones
  /// The relative error of the results that is allowed; none: default_max_error(), or nearly the
  /// least there is where that cannot be kept.
  std::optional<double> max_error;
  int threads = 0;  ///< 0: the CPUs that the process may use
};

/// What is asked of a model's results where nobody says: relative errors whose cosines to f32 are
/// 0.999 (int8) and 0.99 (int4) on average, with some room for texts unlike those measured on.
double default_max_error(WeightFormat format) noexcept;

/// The integers for the weight [n, k] of that name, `<node>.<role>`; null: it stays bf16.
using WeightRounding = std::function<Result<std::shared_ptr<const QuantizedMatrix>>(
    const std::string& name, std::span<const float> w, int64_t n, int64_t k)>;

/// Makes the model whose weights of products are what a rounding says.
using ModelPacker = std::function<Result<Model>(const WeightRounding& rounding)>;

struct ChosenRounding {
  WeightRounding rounding;  ///< gives each weight the same integers at every call
  QuantizationRecord record;
};

/// Finds out how the weights of `f32` best become integers, and reports how far the results are
/// from those of f32. `pack` is called once, or a few times where an error is not to be passed.
///
/// Fails as reading the texts and `pack` do, and with kInvalidArgument where the error cannot be
/// kept, or where there is no text to measure it on.
Result<ChosenRounding> choose_rounding(const Model& f32, const QuantizationOptions& options,
                                       const Report& report, const ModelPacker& pack);

}  // namespace lanewise::converters
