#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// A run of a checkpoint tensor's elements, in row-major order, with a shape of its own: the query
/// rows of a fused matrix, or a table without its axes of one. Or what is computed from a tensor.
struct TensorPart {
  std::string tensor;  ///< empty: computed from nothing
  int64_t offset = 0;  ///< elements before it; of no meaning where it is computed
  Shape shape;
  /// Computes the elements of `shape` from all of the tensor's. Empty: they are taken as they are.
  std::function<void(std::span<const float> tensor, std::span<float> part)> compute{};
};

/// Parts by the names that a graph knows them by.
using TensorParts = std::map<std::string, TensorPart, std::less<>>;

}  // namespace lanewise::converters
