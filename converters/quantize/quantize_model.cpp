#include "converters/quantize/quantize_model.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/quantize/calibration.hpp"
#include "converters/quantize/quantizer.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/model_data.hpp"

namespace lanewise::converters {
namespace {

using MatrixPtr = std::shared_ptr<const QuantizedMatrix>;

/// The quantised values of every weight for one type, computed once.
class Roundings {
 public:
  Roundings(Quantizer::Options options, std::shared_ptr<const CapturedInputs> inputs)
      : quantizer_(options, std::move(inputs)) {}

  Result<MatrixPtr> get(const std::string& name, std::span<const float> w, int64_t n, int64_t k) {
    const auto known = matrices_.find(name);
    if (known != matrices_.end()) return known->second;
    LW_ASSIGN_OR_RETURN(QuantizedMatrix matrix, quantizer_.quantize(name, w, n, k));
    auto shared = std::make_shared<const QuantizedMatrix>(std::move(matrix));
    return matrices_.emplace(name, std::move(shared)).first->second;
  }

  /// By weight; 0 if unknown.
  std::map<std::string, double> errors() const {
    std::map<std::string, double> errors = quantizer_.errors();
    for (const auto& [name, matrix] : matrices_) errors.try_emplace(name, 0.0);
    return errors;
  }

 private:
  Quantizer quantizer_;
  std::map<std::string, MatrixPtr> matrices_;
};

/// How sensitive weights are stored instead: with other quantised values, or as bf16 if null.
struct Wider {
  std::string type = "bf16";
  std::shared_ptr<Roundings> roundings;
};

WeightRounding rounding_with(std::shared_ptr<Roundings> narrow, std::shared_ptr<Roundings> wider,
                             WideWeights wide) {
  return [narrow = std::move(narrow), wider = std::move(wider), wide = std::move(wide)](
             const std::string& name, std::span<const float> w, int64_t n,
             int64_t k) -> Result<MatrixPtr> {
    if (!wide.contains(name)) return narrow->get(name, w, n, k);
    return wider == nullptr ? MatrixPtr() : wider->get(name, w, n, k);
  };
}

/// Models with the same weights, and the error of each against f32.
class Trials {
 public:
  Trials(const Model& f32, std::vector<Sample> samples, std::shared_ptr<Roundings> narrow,
         const ModelPacker& pack, int threads)
      : f32_(f32),
        samples_(std::move(samples)),
        narrow_(std::move(narrow)),
        pack_(pack),
        threads_(threads) {}

  /// Measures the model with these weights at higher precision; computed once.
  Result<Comparison> measure(const Wider& wider, const WideWeights& wide) {
    const std::pair<std::string, WideWeights> key(wide.empty() ? "" : wider.type, wide);
    const auto known = results_.find(key);
    if (known != results_.end()) return known->second;
    LW_ASSIGN_OR_RETURN(const Model model, pack_(rounding_with(narrow_, wider.roundings, wide)));
    LW_ASSIGN_OR_RETURN(Comparison result, compare(f32_, model, samples_, threads_));
    return results_.emplace(key, std::move(result)).first->second;
  }

  /// The error with every weight at higher precision.
  Result<double> least_error(const Wider& wider) {
    LW_RETURN_IF_ERROR(measure(wider, {}).status());  // afterwards all weights are known
    WideWeights all;
    for (const auto& [name, error] : narrow_->errors()) all.insert(name);
    LW_ASSIGN_OR_RETURN(const Comparison result, measure(wider, all));
    return result.relative_error;
  }

  /// The fewest weights to keep at higher precision for that error.
  Result<WideWeights> choose(const Wider& wider, double max_error) {
    // Errors are known after all weights have been rounded.
    LW_RETURN_IF_ERROR(measure(wider, {}).status());
    return choose_wide_weights(narrow_->errors(), max_error,
                               [&](const WideWeights& wide) -> Result<double> {
                                 LW_ASSIGN_OR_RETURN(const Comparison result, measure(wider, wide));
                                 return result.relative_error;
                               });
  }

 private:
  const Model& f32_;
  std::vector<Sample> samples_;
  std::shared_ptr<Roundings> narrow_;
  const ModelPacker& pack_;
  int threads_;
  std::map<std::pair<std::string, WideWeights>, Comparison> results_;
};

struct Choice {
  Wider wider;
  WideWeights wide;
};

/// Uses the first candidate that meets the error.
Result<Choice> choose_wider(Trials& trials, const std::vector<Wider>& candidates,
                            double max_error) {
  Status status;
  for (const Wider& wider : candidates) {
    Result<WideWeights> wide = trials.choose(wider, max_error);
    if (wide.ok()) return Choice{wider, *std::move(wide)};
    status = wide.status();
    if (status.code() != StatusCode::kInvalidArgument) break;
  }
  return status;
}

/// The same for a default error: if it cannot be met, for slightly more than the least possible
/// one, since the last bit of it would cost many weights.
Result<Choice> choose_nearest(Trials& trials, const std::vector<Wider>& candidates,
                              double max_error, const Report& report) {
  Result<Choice> choice = choose_wider(trials, candidates, max_error);
  if (choice.ok() || choice.status().code() != StatusCode::kInvalidArgument) return choice;
  report(choice.status().message());
  constexpr double kSlack = 1.25;
  LW_ASSIGN_OR_RETURN(const double least, trials.least_error(candidates.back()));
  return choose_wider(trials, candidates, kSlack * least);
}

bool has_8_bits(WeightFormat format) { return ops::info_of(format).bits >= 8; }

QuantizationRecord begin_record(const QuantizationOptions& options, bool calibrated) {
  QuantizationRecord record;
  record.weights = has_8_bits(options.format) ? "int8" : "int4";
  record.group = ops::info_of(options.format).block;
  record.calibration = !calibrated             ? "none"
                       : options.texts.empty() ? "built-in texts"
                                               : file_name(options.texts);
  return record;
}

}  // namespace

// For unit vectors at a small angle the cosine is 1 - error^2 / 2.
double default_max_error(WeightFormat format) noexcept { return has_8_bits(format) ? 0.04 : 0.11; }

Result<ChosenRounding> choose_rounding(const Model& f32, const QuantizationOptions& options,
                                       const Report& report, const ModelPacker& pack) {
  const int threads = options.threads > 0 ? options.threads : exec::available_cpus();
  LW_ASSIGN_OR_RETURN(Calibration calibration, calibrate(f32, options.texts, threads));
  QuantizationRecord record = begin_record(options, !calibration.held_out.empty());
  const auto inputs = std::make_shared<const CapturedInputs>(std::move(calibration.inputs));
  const auto roundings_of = [&](WeightFormat format) {
    return std::make_shared<Roundings>(Quantizer::Options{.format = format, .threads = threads},
                                       inputs);
  };
  const auto narrow = roundings_of(options.format);
  if (calibration.held_out.empty()) {
    if (options.max_error) {
      return invalid_argument(
          "the error limit cannot be met: there is no text to measure the error on");
    }
    report(f32.data().has_tokenizer()
               ? "no text has tokens for the model: weights are quantised without calibration"
               : "the model has no tokenizer: weights are quantised without calibration");
    return ChosenRounding{rounding_with(narrow, nullptr, {}), std::move(record)};
  }
  std::vector<Wider> candidates;
  if (!has_8_bits(options.format)) candidates.push_back({"int8", roundings_of(WeightFormat::i8)});
  candidates.push_back({});

  Trials trials(f32, std::move(calibration.held_out), narrow, pack, threads);
  LW_ASSIGN_OR_RETURN(
      const Choice choice,
      options.max_error
          ? choose_wider(trials, candidates, *options.max_error)
          : choose_nearest(trials, candidates, default_max_error(options.format), report));
  LW_ASSIGN_OR_RETURN(record.result, trials.measure(choice.wider, choice.wide));
  record.wide = choice.wide;
  record.wide_type = choice.wider.type;
  if (!record.wide.empty()) {
    report(std::to_string(record.wide.size()) + " weights are kept as " + record.wide_type);
  }
  report(record.weights + ", " + to_text(*record.result));
  return ChosenRounding{rounding_with(narrow, choice.wider.roundings, choice.wide),
                        std::move(record)};
}

}  // namespace lanewise::converters
