#pragma once

#include "runtime/graph/graph.hpp"
#include "runtime/plan/weights.hpp"

namespace lanewise::plan {

/// Moves layer_norm and rms_norm into the linears that read them, where these round their rows
/// anyway (ops::rounds_rows()). They normalise a row into a near cache, so that its value is never
/// written out, and a node with its barrier is gone. Results keep their bits.
///
/// Such a linear reads what the norm read and has the attributes `norm` and `norm_eps` and the
/// weights `norm_weight` and `norm_bias` (ops/linear/linear.hpp). The norm's value stays in
/// `graph.values`, neither written nor read.
///
/// A norm stays that is an output, has a residual, is read by anything but such linears as their
/// first input, or by more than two of them, each of which would compute it again. So does one that
/// its operator would refuse, and any that reads or feeds what this pass does not understand.
/// Linear time in the graph.
graph::Graph absorb_norms(const Weights& weights, graph::Graph graph);

}  // namespace lanewise::plan
