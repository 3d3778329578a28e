#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "bench/floats.hpp"

namespace lanewise::bench {

/// The operands of a linear layer, as in checkpoints.
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

/// The layer computed by one library on one thread, with the weight in the library's preferred
/// layout: models are packed once, so packing is not timed.
class LinearCase {
 public:
  virtual ~LinearCase() = default;

  /// The packed weight.
  virtual std::span<const float> weight() const = 0;
  /// Makes run(i) read weights[i], each a copy of weight() that is aligned to 64 bytes and outlives
  /// this object.
  virtual void bind(std::span<const float* const> weights) = 0;
  /// Computes y. After bind() only.
  virtual void run(size_t i) = 0;

  /// Row r of y, [n].
  virtual const float* y(int64_t r) const = 0;
  /// The implementation that the library reports.
  virtual std::string implementation() const = 0;
};

/// The baselines; nullptr if the build lacks the library. `data` must outlive the result. oneDNN
/// throws dnnl::error if it cannot compute the layer.
std::unique_ptr<LinearCase> make_onednn_case(const LinearData& data);
std::unique_ptr<LinearCase> make_blis_case(const LinearData& data);

}  // namespace lanewise::bench
