#pragma once

#include <cstdint>
#include <vector>

#include "lanewise/generation.hpp"
#include "ops/sample/sample.hpp"
#include "runtime/generate/processors.hpp"

namespace lanewise::generate {

/// Draws tokens from one row of scores: temperature, then top_k, top_p and min_p, as in
/// Transformers.
///
/// Of several tokens with the k-th score those with the lowest ids are kept, so that exactly top_k
/// remain. Not thread-safe: use one for each row that is scored concurrently.
class Sampler {
 public:
  /// Allocates all memory. Requires options.temperature > 0.
  Sampler(const GenerationOptions& options, ops::Isa isa, int64_t vocabulary);

  /// Reads a row of scores, which must not contain NaN or +inf.
  void prepare(Scores scores) noexcept;

  /// Returns a token of this row, or kNoToken if none can be chosen.
  ///
  /// u  a random number in [0, 1); the same u gives the same token
  int32_t draw(double u) const noexcept;

 private:
  void keep_top_k(Scores scores) noexcept;
  void filter_all(Scores scores) noexcept;
  void sort_all() noexcept;
  double sum_of_kept() const noexcept;
  void cut_top_p(double probable) noexcept;
  void cut_min_p() noexcept;
  void drop_below_min_p() noexcept;

  ops::Sampling sampling_;
  double temperature_;
  double top_p_;
  double min_p_;
  size_t top_k_;  // 0: all

  // Weight i is that of candidate i if candidates were selected, otherwise that of token i.
  std::vector<float> weights_;
  std::vector<ops::Candidate> candidates_;
  size_t kept_ = 0;   // candidates that may be drawn
  double sum_ = 0.0;  // of the weights that may be drawn
};

}  // namespace lanewise::generate
