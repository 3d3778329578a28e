// BLIS's sgemm. It packs its operands in every call: its interface has no packed weights.

#include <blis.h>

#include <algorithm>

#include "bench/baselines/linear_case.hpp"

namespace lanewise::bench {
namespace {

/// [n, k] to [k, n], which its kernels for few rows read fastest, because they store rows of y.
Floats transpose(const LinearData& data) {
  Floats transposed(data.weight.size());
  for (int64_t n = 0; n < data.n; ++n) {
    for (int64_t k = 0; k < data.k; ++k) {
      transposed[static_cast<size_t>(k * data.n + n)] =
          data.weight[static_cast<size_t>(n * data.k + k)];
    }
  }
  return transposed;
}

class BlisCase final : public LinearCase {
 public:
  explicit BlisCase(const LinearData& data)
      : data_(data), weight_(transpose(data)), y_(static_cast<size_t>(data.m * data.n)) {
    bli_thread_set_num_threads(1);
  }

  std::span<const float> weight() const override { return weight_; }

  void bind(std::span<const float* const> weights) override {
    bound_.assign(weights.begin(), weights.end());
  }

  void run(size_t i) override {
    // It has no bias: y is initialised with the bias, and the product is added.
    for (int64_t r = 0; r < data_.m; ++r) {
      std::copy(data_.bias.begin(), data_.bias.end(), y_.begin() + r * data_.n);
    }
    float one = 1.0f;
    bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, data_.m, data_.n, data_.k, &one,
              const_cast<float*>(data_.x.data()), data_.k, 1, const_cast<float*>(bound_[i]),
              data_.n, 1, &one, y_.data(), data_.n, 1);
  }

  const float* y(int64_t r) const override { return y_.data() + r * data_.n; }
  std::string implementation() const override { return bli_arch_string(bli_arch_query_id()); }

 private:
  const LinearData& data_;
  Floats weight_;  // [k, n]
  Floats y_;       // [m, n]
  std::vector<const float*> bound_;
};

}  // namespace

std::unique_ptr<LinearCase> make_blis_case(const LinearData& data) {
  return std::make_unique<BlisCase>(data);
}

}  // namespace lanewise::bench
