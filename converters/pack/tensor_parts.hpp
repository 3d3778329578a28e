#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// A contiguous range of a checkpoint tensor's elements, in row-major order, with its own shape:
/// the query rows of a fused matrix, or a table without its axes of size 1. Or the result of a
/// computation on a tensor.
struct TensorPart {
  std::string tensor;  ///< empty: computed from nothing
  int64_t offset = 0;  ///< elements before it; unused if it is computed
  Shape shape;
  /// Computes the elements of `shape` from all elements of the tensor. Empty: copies them.
  std::function<void(std::span<const float> tensor, std::span<float> part)> compute{};
};

/// Parts by their names in a graph.
using TensorParts = std::map<std::string, TensorPart, std::less<>>;

}  // namespace lanewise::converters
