#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "bench/floats.hpp"

namespace lanewise::bench {

/// A linear layer's operands, as checkpoints have them.
///
///   y[r, n] = sum_k x[r, k] * W[n, k] + b[n]
struct LinearData {
  int64_t m = 0;
  int64_t k = 0;
  int64_t n = 0;  // a multiple of 16
  Floats x;       // [m, k]
  Floats weight;  // [n, k]
  Floats bias;    // [n]
};

/// That layer by one library on one thread, its weight in whatever layout the library likes best:
/// models are packed once, so packing is not timed.
class LinearCase {
 public:
  virtual ~LinearCase() = default;

  /// The packed weight.
  virtual std::span<const float> weight() const = 0;
  /// From now on run(i) reads weights[i], each a copy of weight() that is aligned to 64 bytes and
  /// outlives this object.
  virtual void bind(std::span<const float* const> weights) = 0;
  /// Computes y. After bind() only.
  virtual void run(size_t i) = 0;

  /// Row r of y, [n].
  virtual const float* y(int64_t r) const = 0;
  /// What the library says that it runs.
  virtual std::string implementation() const = 0;
};

/// The baselines; nullptr where the build lacks the library. `data` must outlive the result.
/// oneDNN throws dnnl::error when it cannot do it.
std::unique_ptr<LinearCase> make_onednn_case(const LinearData& data);
std::unique_ptr<LinearCase> make_blis_case(const LinearData& data);

}  // namespace lanewise::bench
