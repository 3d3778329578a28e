#include "runtime/exec/length_batches.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/no_throw.hpp"

namespace lanewise::exec {

void cut_by_length(std::span<const int32_t> lengths, const BatchLimits& limits,
                   LengthBatches& batches) {
  std::vector<int32_t>& order = batches.order;
  order.resize(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  // Ties are broken by index: a stable sort without the buffer of std::stable_sort.
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const int32_t length_a = lengths[static_cast<size_t>(a)];
    const int32_t length_b = lengths[static_cast<size_t>(b)];
    return length_a != length_b ? length_a > length_b : a < b;
  });
  batches.batches.clear();
  LengthBatch batch;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t length = lengths[static_cast<size_t>(order[i])];
    const auto sequences = static_cast<int64_t>(batch.end - batch.begin);
    if (sequences > 0 && (batch.tokens + length > limits.tokens || sequences == limits.sequences)) {
      batches.batches.push_back(batch);
      batch = {i, i, 0};
    }
    batch.end = i + 1;
    batch.tokens += length;
  }
  if (batch.end > batch.begin) batches.batches.push_back(batch);
}

}  // namespace lanewise::exec

namespace lanewise {

Result<LengthBatches> batch_by_length(std::span<const int32_t> lengths, const BatchLimits& limits) {
  return base::no_throw([&]() -> Result<LengthBatches> {
    if (limits.tokens < 1 || limits.sequences < 1) {
      return invalid_argument("batches of " + std::to_string(limits.tokens) + " tokens and " +
                              std::to_string(limits.sequences) +
                              " sequences: expected at least 1 of each");
    }
    for (size_t i = 0; i < lengths.size(); ++i) {
      if (lengths[i] >= 1) continue;
      return invalid_argument("sequence " + std::to_string(i) + " has " +
                              std::to_string(lengths[i]) + " tokens: expected at least 1");
    }
    LengthBatches batches;
    exec::cut_by_length(lengths, limits, batches);
    return batches;
  });
}

}  // namespace lanewise
