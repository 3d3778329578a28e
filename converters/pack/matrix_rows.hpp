#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// Stacked rows that are in one matrix, and where the first of them goes.
struct RowRange {
  int64_t stacked = 0;
  int64_t stored = 0;
  int64_t count = 0;
};

/// Where the stacked rows of tensors are stored in a weight that consists of matrices of equal
/// size, each padded with zero rows to whole panels (ops::OperatorDescription::matrices). A single
/// matrix has no rows but its own.
class MatrixRows {
 public:
  /// Those of the weight of `node` in that role.
  static MatrixRows of(const graph::Node& node, std::string_view role);
  explicit MatrixRows(int64_t matrices = 1) : matrices_(matrices) {}

  /// Fails with kInvalidArgument unless `rows` can be divided among the matrices.
  Status check(int64_t rows) const;

  /// The number of stored rows for that many stacked ones.
  int64_t stored(int64_t rows) const;
  /// The shape [rows, ...] with that number.
  Shape stored(Shape shape) const;

  /// The parts of the stacked rows [first, first + count), `rows` in all.
  std::vector<RowRange> ranges(int64_t rows, int64_t first, int64_t count) const;

 private:
  int64_t matrices_;
};

}  // namespace lanewise::converters
