#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ops/operator.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::plan {

/// The number of rows of each symbol in a batch.
using RowCounts = std::array<int64_t, graph::kRowSymbols>;

/// The location of a value: `offset_per_row` * rows bytes into the region of its row symbol, with
/// `stride` elements between rows.
struct Placement {
  int64_t offset_per_row = -1;  ///< -1: a graph input, which the caller owns
  int64_t stride = 0;
  bool result = false;  ///< a graph output, stored with the results
};

/// A block of memory as bytes per row: one region for each row symbol, one after another.
struct Regions {
  std::array<int64_t, graph::kRowSymbols> bytes_per_row{};

  /// INT64_MAX if no machine has that much.
  int64_t total_bytes(const RowCounts& rows) const noexcept;
  /// The offset of each row symbol's region, for numbers of rows that fit in memory.
  std::array<int64_t, graph::kRowSymbols> offsets(const RowCounts& rows) const noexcept;
};

/// The memory of a graph as bytes per row, planned once; each batch only multiplies. Results are
/// separate from intermediate values, because a batch may be processed in slices that reuse the
/// same working memory.
struct MemoryPlan {
  std::vector<Placement> values;  ///< by ValueId
  Regions work;
  Regions results;
};

/// Places every value. Values that live at the same time do not overlap, except where an operator
/// works in place. `operators` belong to graph.nodes, in order.
MemoryPlan plan_memory(const graph::Graph& graph, const std::vector<ops::OperatorPtr>& operators);

/// Elements between rows of that many: a multiple of a vector, but not of 2 KiB, because rows a
/// power of two apart fall into the same few sets of the first-level cache.
int64_t row_stride(int64_t features);

}  // namespace lanewise::plan
