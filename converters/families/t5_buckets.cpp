#include "converters/families/t5_buckets.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace lanewise::converters {

int64_t T5Buckets::bucket(int64_t offset, bool causal) const noexcept {
  const int64_t buckets = causal ? count : count / 2;
  const int64_t first = !causal && offset > 0 ? buckets : 0;
  const int64_t distance = causal ? std::max<int64_t>(-offset, 0) : std::abs(offset);
  const int64_t exact = buckets / 2;
  if (distance < exact) return first + distance;
  // In f32, as Transformers does: where the result is an integer, its rounding decides.
  const float ratio = static_cast<float>(distance) / static_cast<float>(exact);
  const auto range =
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const float logarithmic = std::log(ratio) / range * static_cast<float>(buckets - exact);
  return first + std::min(exact + static_cast<int64_t>(logarithmic), buckets - 1);
}

void fill_t5_bias(const T5Buckets& buckets, int64_t heads, bool causal,
                  std::span<const float> table, std::span<float> bias) {
  const int64_t reach = buckets.max_distance;
  for (int64_t offset = -reach; offset <= reach; ++offset) {
    const int64_t bucket = buckets.bucket(offset, causal);
    for (int64_t h = 0; h < heads; ++h) {
      bias[static_cast<size_t>(h * (2 * reach + 1) + offset + reach)] =
          table[static_cast<size_t>(bucket * heads + h)];
    }
  }
}

}  // namespace lanewise::converters
