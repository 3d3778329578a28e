#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ops/operator.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::plan {

/// How many rows each symbol stands for in a batch.
using RowCounts = std::array<int64_t, graph::kRowSymbols>;

/// Where a value lies: `offset_per_row` * rows bytes into the region of its row symbol, with
/// `stride` elements between rows.
struct Placement {
  int64_t offset_per_row = -1;  ///< -1: a graph input, which the caller owns
  int64_t stride = 0;
  bool result = false;  ///< a graph output, which lies with the results
};

/// A piece of memory as bytes per row: one region for each row symbol, one after another.
struct Regions {
  std::array<int64_t, graph::kRowSymbols> bytes_per_row{};

  /// INT64_MAX where no machine has as many.
  int64_t total_bytes(const RowCounts& rows) const noexcept;
  /// Where the region of each row symbol begins, for rows that there is memory for.
  std::array<int64_t, graph::kRowSymbols> offsets(const RowCounts& rows) const noexcept;
};

/// The memory of a graph as bytes per row, made once. A batch only multiplies. Results lie apart
/// from what is only needed on the way to them: a batch may be worked on in slices, whose working
/// memory is used again and again.
struct MemoryPlan {
  std::vector<Placement> values;  ///< by ValueId
  Regions work;
  Regions results;
};

/// Places every value. Values that live at the same time do not overlap, except where an operator
/// works in place. `operators` belong to graph.nodes, in order.
MemoryPlan plan_memory(const graph::Graph& graph, const std::vector<ops::OperatorPtr>& operators);

/// Elements between rows of that many: a multiple of a vector, and not of 2 KiB, because rows that
/// lie a power of two apart fall into the same few sets of the first-level cache.
int64_t row_stride(int64_t features);

}  // namespace lanewise::plan
