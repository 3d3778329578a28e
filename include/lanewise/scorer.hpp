#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// Computes the probabilities that a decoder-only model gives to the tokens of a text: with these,
/// models, and the effect of quantisation on them, are compared.
///
///   perplexity = exp(-mean(log_probabilities))
///
/// Not thread-safe: use one Scorer per thread; they share the Model.
class LANEWISE_EXPORT Scorer {
 public:
  /// Fails with kUnsupported for a model that is not a decoder alone, and as Session::create()
  /// does.
  static Result<Scorer> create(const Model& model, const SessionOptions& options = {});

  Scorer(Scorer&&) noexcept;
  Scorer& operator=(Scorer&&) noexcept;
  ~Scorer();

  /// Returns the natural logarithm of the probability of each token after the first, given all
  /// tokens before it, [ids.size() - 1].
  ///
  /// A text longer than the model's context C is computed in windows of C tokens, each of which
  /// begins C / 2 tokens after the one before; a token is predicted by the first window that has
  /// it.
  ///
  /// Fails with kInvalidArgument for less than two tokens, or a token outside the model's
  /// vocabulary; with kCancelled if `run` stops it.
  Result<std::vector<float>> log_probabilities(std::span<const int32_t> ids,
                                               const RunOptions& run = {});

 private:
  class Impl;
  explicit Scorer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
