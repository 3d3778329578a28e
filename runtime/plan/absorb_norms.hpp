#pragma once

#include "runtime/graph/graph.hpp"
#include "runtime/plan/weights.hpp"

namespace lanewise::plan {

/// Moves layer_norm and rms_norm into the linears that read them, if these round their rows anyway
/// (ops::rounds_rows()). They normalise a row into a near cache, so that its value is never written
/// to memory, and a node with its barrier disappears. Results keep their bits.
///
/// Such a linear reads what the norm read and has the attributes `norm` and `norm_eps` and the
/// weights `norm_weight` and `norm_bias` (ops/linear/linear.hpp). The norm's value stays in
/// `graph.values`, neither written nor read.
///
/// A norm is kept if it is an output, has a residual, or is read other than as the first input of
/// such linears, or by more than two of them, each of which would compute it again. It is also kept
/// if its operator would reject it, or if it reads or feeds something that this pass does not
/// understand. Linear time in the graph.
graph::Graph absorb_norms(const Weights& weights, graph::Graph graph);

}  // namespace lanewise::plan
