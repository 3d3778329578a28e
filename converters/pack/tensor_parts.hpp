#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// A run of a checkpoint tensor's elements, in row-major order, with a shape of its own: the query
/// rows of a fused matrix, a table without its axes of one, or a matrix the other way round.
struct TensorPart {
  std::string tensor;
  int64_t offset = 0;  ///< elements before it
  Shape shape;
  bool transposed = false;  ///< a matrix, whose columns are then the rows of `shape`
};

/// Parts by the names that a graph knows them by.
using TensorParts = std::map<std::string, TensorPart, std::less<>>;

}  // namespace lanewise::converters
