#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "runtime/plan/memory_plan.hpp"

namespace lanewise::exec {

/// The memory of a graph input.
struct InputBinding {
  const void* data = nullptr;
  int64_t stride = 1;  ///< elements between rows
};

/// One batch: the number of rows for each symbol, how rows belong to sequences, and the memory of
/// the graph's inputs.
struct BatchBinding {
  plan::RowCounts rows{};
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged{};
  /// For symbols whose rows are located by tables. A batch with tables is not divided into slices.
  std::array<ops::RowTables, graph::kRowSymbols> tables{};
  std::span<const InputBinding> inputs;  ///< in the order of graph.inputs

  bool has_tables() const {
    return std::any_of(tables.begin(), tables.end(),
                       [](const ops::RowTables& table) { return table.lengths != nullptr; });
  }
};

/// Some whole sequences of a batch, which can be computed independently of the others.
struct Slice {
  plan::RowCounts first{};  ///< the rows of the batch before it
  plan::RowCounts rows{};
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged{};
};

}  // namespace lanewise::exec
