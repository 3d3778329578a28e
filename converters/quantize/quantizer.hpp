#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "converters/quantize/input_rows.hpp"
#include "converters/quantize/quantized_matrix.hpp"
#include "lanewise/status.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::converters {

/// The error of the quantised products on the rows that a node saw: sqrt(sum (y - y')^2 / sum y^2),
/// with inputs rounded as the kernels do. Uses at most 128 rows.
double output_error(std::span<const float> w, const QuantizedMatrix& matrix, const InputRows& x);

/// Quantises the weights of a model: with input scales and error feedback if inputs were captured
/// for a weight, otherwise from the weight alone.
class Quantizer {
 public:
  struct Options {
    WeightFormat format = WeightFormat::i8;  ///< one that has quantised values
    int threads = 1;
  };

  /// `inputs`: captured for each weight; may be null.
  Quantizer(Options options, std::shared_ptr<const CapturedInputs> inputs)
      : options_(options), inputs_(std::move(inputs)), team_(options.threads) {}

  /// Quantises w [n, k], called `name`: `<node>.<role>`. Fails with kInvalidArgument, naming it, if
  /// a weight is not finite.
  Result<QuantizedMatrix> quantize(const std::string& name, std::span<const float> w, int64_t n,
                                   int64_t k);

  /// output_error() of the weights so far that have captured inputs.
  const std::map<std::string, double>& errors() const noexcept { return errors_; }

 private:
  const InputRows* inputs_of(const std::string& name) const;
  /// Of a weight that the format is not for, another one.
  WeightFormat format_for(std::span<const float> w, int64_t k) const;
  QuantizedMatrix calibrated(WeightFormat format, std::span<const float> w, int64_t n,
                             const InputRows& captured);

  Options options_;
  std::shared_ptr<const CapturedInputs> inputs_;
  exec::Team team_;
  std::map<std::string, double> errors_;
};

}  // namespace lanewise::converters
