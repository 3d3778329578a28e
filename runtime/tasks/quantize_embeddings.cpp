#include <algorithm>
#include <cmath>
#include <string>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "lanewise/embedder.hpp"

namespace lanewise {
namespace {

constexpr int64_t kBits = 8;

int8_t pack_signs(std::span<const float> eight) {
  unsigned bits = 0;
  for (const float value : eight) bits = bits << 1 | (value > 0.0f ? 1U : 0U);
  return static_cast<int8_t>(static_cast<int>(bits) - 128);
}

Status check_ranges(const EmbeddingRanges& ranges, int64_t dimension) {
  const auto count = static_cast<size_t>(dimension);
  if (ranges.low.size() != count || ranges.high.size() != count) {
    return invalid_argument("ranges of " + std::to_string(ranges.low.size()) + " and " +
                            std::to_string(ranges.high.size()) + " numbers for vectors of " +
                            std::to_string(dimension));
  }
  for (size_t i = 0; i < count; ++i) {
    const float width = ranges.high[i] - ranges.low[i];
    if (std::isfinite(width) && width >= 0.0f) continue;
    return invalid_argument("the range of number " + std::to_string(i) +
                            " ends below its beginning or is not finite");
  }
  return {};
}

}  // namespace

Result<QuantizedEmbeddings> quantize_binary(const Embeddings& embeddings) {
  return base::no_throw([&]() -> Result<QuantizedEmbeddings> {
    if (embeddings.dimension % kBits != 0) {
      return invalid_argument("binary vectors need a multiple of 8 dimensions, found " +
                              std::to_string(embeddings.dimension));
    }
    QuantizedEmbeddings result{embeddings.count, embeddings.dimension / kBits, {}};
    const std::span<const float> all = embeddings.values;
    result.values.reserve(all.size() / kBits);
    for (size_t i = 0; i < all.size(); i += kBits) {
      result.values.push_back(pack_signs(all.subspan(i, kBits)));
    }
    return result;
  });
}

Result<QuantizedEmbeddings> quantize_int8(const Embeddings& embeddings,
                                          const EmbeddingRanges& ranges) {
  return base::no_throw([&]() -> Result<QuantizedEmbeddings> {
    LW_RETURN_IF_ERROR(check_ranges(ranges, embeddings.dimension));
    QuantizedEmbeddings result{embeddings.count, embeddings.dimension, {}};
    result.values.reserve(embeddings.values.size());
    for (int64_t text = 0; text < embeddings.count; ++text) {
      const std::span<const float> vector = embeddings[text];
      for (size_t i = 0; i < vector.size(); ++i) {
        const float step = (ranges.high[i] - ranges.low[i]) / 255.0f;
        const float number = (vector[i] - ranges.low[i]) / (step == 0.0f ? 1.0f : step);
        // Rounded down. NaN becomes the lowest number.
        const float bounded = number > 0.0f ? std::min(number, 255.0f) : 0.0f;
        result.values.push_back(static_cast<int8_t>(static_cast<int>(bounded) - 128));
      }
    }
    return result;
  });
}

}  // namespace lanewise
