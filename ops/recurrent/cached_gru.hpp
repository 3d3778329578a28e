#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// gru (gru.hpp) for the new tokens of sequences whose states are cached from step to step, one row
/// per token.
///
/// The tokens of sequence s are the m = tables->lengths[s] rows tables->rows[s][0], [1], ... of the
/// cache; the n new tokens of a step are the last n. They start from the state in row m - n - 1, or
/// from the initial state if m = n.
///
/// inputs   x of the new tokens, ragged; optionally the initial states, one row per sequence of the
///          step; then cache [slots, dim] f32 with tables. The last n rows of a sequence are
///          written, and no other sequence may share them.
/// Everything else, including every bit of the result, is as in gru; there is no attribute reverse.
Result<OperatorPtr> make_cached_gru(const OperatorConfig& config);

}  // namespace lanewise::ops
