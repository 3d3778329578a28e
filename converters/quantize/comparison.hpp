#pragma once

#include <optional>
#include <span>
#include <string>

#include "converters/quantize/samples.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// How far the results of a model are from those of another with the same outputs.
struct Comparison {
  std::string output;  ///< what was compared: sentence_embedding, else logits, else the first
  int64_t rows = 0;    ///< rows of it: sentences or tokens
  double mean_cosine = 1.0;
  double worst_cosine = 1.0;
  double relative_error = 0.0;  ///< sqrt(sum (y - y')^2 / sum y^2)
  /// Of logits: the share of rows in which the likeliest token is the same.
  std::optional<double> same_token;
};

/// Adds up a Comparison, a row after another. Rows that are not finite are as wrong as can be.
class RowComparison {
 public:
  /// y and other [features]
  void add(const float* y, const float* other, int64_t features);
  /// Without `output`.
  Comparison result() const;

 private:
  int64_t rows_ = 0;
  int64_t same_ = 0;
  double cosines_ = 0;
  double worst_ = 1;
  double error_ = 0;
  double square_ = 0;
};

/// Runs both on `samples`, of which there is at least one. Fails as Session::create() and
/// run_ragged() do.
Result<Comparison> compare(const Model& reference, const Model& other,
                           std::span<const Sample> samples, int threads);

/// One line for people.
std::string to_text(const Comparison& comparison);

}  // namespace lanewise::converters
