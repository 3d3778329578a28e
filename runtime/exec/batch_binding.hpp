#pragma once

#include <array>
#include <span>

#include "runtime/plan/memory_plan.hpp"

namespace lanewise::exec {

/// One batch: how many rows each symbol stands for, how they belong to sequences, and where the
/// caller keeps the graph's i32 inputs.
struct BatchBinding {
  plan::RowCounts rows{};
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged{};
  std::span<const int32_t* const> inputs;  ///< in the order of graph.inputs
};

/// Some whole sequences of a batch, which can be worked on alone.
struct Slice {
  plan::RowCounts first{};  ///< the rows of the batch before it
  plan::RowCounts rows{};
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged{};
};

}  // namespace lanewise::exec
