#pragma once

#include <array>
#include <span>
#include <vector>

#include "runtime/exec/batch_binding.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::exec {

/// The memory for the values of a run.
struct RunMemory {
  std::byte* work = nullptr;     ///< for the rows of the slice
  std::byte* results = nullptr;  ///< for the rows of the whole batch
};

/// The operands of a program's values and nodes, bound to a slice of a batch. Binding allocates
/// nothing.
class BoundProgram {
 public:
  /// `program` must outlive it.
  explicit BoundProgram(const plan::Program& program);
  BoundProgram(BoundProgram&&) = default;  // a copy's nodes would refer to the original's inputs

  /// `slice` is part of `batch`.
  void bind(const BatchBinding& batch, const Slice& slice, const RunMemory& memory) noexcept;

  const ops::Operand& value(graph::ValueId id) const { return values_[static_cast<size_t>(id)]; }
  const ops::Operands& node(size_t index) const { return nodes_[index]; }

 private:
  const plan::Program& program_;
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged_{};
  std::array<ops::RowTables, graph::kRowSymbols> tables_{};
  std::vector<ops::Operand> values_;  // by ValueId
  std::vector<ops::Operand> inputs_;  // of all nodes, one after another
  std::vector<ops::Operands> nodes_;
};

}  // namespace lanewise::exec
