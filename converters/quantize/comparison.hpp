#pragma once

#include <optional>
#include <span>
#include <string>

#include "converters/quantize/samples.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The difference between the outputs of two models.
struct Comparison {
  std::string output;  ///< what was compared: sentence_embedding, else logits, else the first
  int64_t rows = 0;    ///< its rows: sentences or tokens
  double mean_cosine = 1.0;
  double worst_cosine = 1.0;
  double relative_error = 0.0;  ///< sqrt(sum (y - y')^2 / sum y^2)
  /// For logits: the fraction of rows with the same most likely token.
  std::optional<double> same_token;
};

/// Accumulates a Comparison row by row. A row that is not finite counts as completely wrong.
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

/// Runs both models on `samples`, which must not be empty. Fails as Session::create() and
/// run_ragged() do.
Result<Comparison> compare(const Model& reference, const Model& other,
                           std::span<const Sample> samples, int threads);

/// One line for the user.
std::string to_text(const Comparison& comparison);

}  // namespace lanewise::converters
