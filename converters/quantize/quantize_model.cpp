#include "converters/quantize/quantize_model.hpp"

#include <map>
#include <memory>
#include <utility>

#include "converters/files.hpp"
#include "converters/quantize/calibration.hpp"
#include "converters/quantize/quantizer.hpp"
#include "ops/status_macros.hpp"

namespace lanewise::converters {
namespace {

/// Every weight's integers, found once.
class Roundings {
 public:
  Roundings(Quantizer::Options options, CapturedInputs inputs)
      : quantizer_(options, std::move(inputs)) {}

  Result<std::optional<QuantizedMatrix>> get(const std::string& name, std::span<const float> w,
                                             int64_t n, int64_t k) {
    const auto known = matrices_.find(name);
    if (known != matrices_.end()) return std::optional(known->second);
    LW_ASSIGN_OR_RETURN(QuantizedMatrix matrix, quantizer_.quantize(name, w, n, k));
    return std::optional(matrices_.emplace(name, std::move(matrix)).first->second);
  }

  /// By weight; 0 where it is not known.
  std::map<std::string, double> errors() const {
    std::map<std::string, double> errors = quantizer_.errors();
    for (const auto& [name, matrix] : matrices_) errors.try_emplace(name, 0.0);
    return errors;
  }

 private:
  Quantizer quantizer_;
  std::map<std::string, QuantizedMatrix> matrices_;
};

WeightRounding rounding_with(std::shared_ptr<Roundings> roundings, WideWeights wide) {
  return [roundings = std::move(roundings), wide = std::move(wide)](
             const std::string& name, std::span<const float> w, int64_t n,
             int64_t k) -> Result<std::optional<QuantizedMatrix>> {
    if (wide.contains(name)) return std::optional<QuantizedMatrix>();
    return roundings->get(name, w, n, k);
  };
}

QuantizationRecord begin_record(const QuantizationOptions& options, bool calibrated) {
  QuantizationRecord record;
  record.weights = options.type == WeightType::kI8 ? "int8" : "int4";
  record.group = options.type == WeightType::kI8 ? 0 : options.group;
  record.calibration = !calibrated             ? "none"
                       : options.texts.empty() ? "built-in texts"
                                               : file_name(options.texts);
  return record;
}

}  // namespace

// For unit vectors at a small angle the cosine is 1 - error^2 / 2.
double default_max_error(WeightType type) noexcept { return type == WeightType::kI8 ? 0.04 : 0.12; }

Result<ChosenRounding> choose_rounding(const Model& f32, const QuantizationOptions& options,
                                       const Report& report, const ModelPacker& pack) {
  LW_ASSIGN_OR_RETURN(Calibration calibration, calibrate(f32, options.texts));
  const std::vector<Sample>& samples = calibration.held_out;
  QuantizationRecord record = begin_record(options, !samples.empty());
  const auto roundings =
      std::make_shared<Roundings>(Quantizer::Options{.type = options.type, .group = options.group},
                                  std::move(calibration.inputs));
  if (samples.empty()) {
    if (options.max_error) {
      return invalid_argument("an error cannot be kept to: there is no text to measure it on");
    }
    report("the model takes no texts: weights are rounded without calibration");
    return ChosenRounding{rounding_with(roundings, {}), std::move(record)};
  }
  const auto measure = [&](const WideWeights& wide) -> Result<Comparison> {
    LW_ASSIGN_OR_RETURN(const Model model, pack(rounding_with(roundings, wide)));
    return compare(f32, model, samples);
  };
  LW_ASSIGN_OR_RETURN(record.result, measure({}));
  const double max_error = options.max_error.value_or(default_max_error(options.type));
  if (!(record.result->relative_error <= max_error)) {
    const auto error_of = [&](const WideWeights& wide) -> Result<double> {
      LW_ASSIGN_OR_RETURN(record.result, measure(wide));
      return record.result->relative_error;
    };
    Result<WideWeights> wide = choose_wide_weights(roundings->errors(), max_error, error_of);
    if (wide.ok()) {
      record.wide = *std::move(wide);
    } else if (options.max_error || wide.status().code() != StatusCode::kInvalidArgument) {
      return wide.status();
    }
    LW_ASSIGN_OR_RETURN(record.result, measure(record.wide));
    report(std::to_string(record.wide.size()) + " weights stay bf16");
  }
  report(record.weights + ", " + to_text(*record.result));
  return ChosenRounding{rounding_with(roundings, record.wide), std::move(record)};
}

}  // namespace lanewise::converters
