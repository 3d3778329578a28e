#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// gru (gru.hpp) for new tokens of sequences whose states stay from step to step, in a cache with a
/// row a token.
///
/// The tokens of sequence s are the rows tables->rows[s][0], [1], ... of the cache, m =
/// tables->lengths[s] of them; in a step with n new tokens those are the last n. They begin with
/// the state in row m - n - 1 or, where m = n, with the initial one.
///
/// inputs   x of the new tokens, ragged; optionally the initial states, a row a sequence of the
/// step;
///          then cache [slots, dim] f32 with tables. The last n rows of a sequence are written, and
///          must belong to no other.
/// Everything else, and every bit of the result, is as in gru; there is no attribute reverse.
Result<OperatorPtr> make_cached_gru(const OperatorConfig& config);

}  // namespace lanewise::ops
