#pragma once

#include <cstdint>

namespace lanewise::converters {

// Ranges that no model leaves, and within which products of sizes do not overflow.
inline constexpr int64_t kMaxLayers = 4096;
inline constexpr int64_t kMaxFeatures = 1 << 20;
inline constexpr int64_t kMaxRows = INT32_MAX;

/// Floats of a table of biases by distance, which is made at conversion.
inline constexpr int64_t kMostBiasFloats = 1 << 26;

}  // namespace lanewise::converters
