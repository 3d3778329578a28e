#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// lstm (lstm.hpp) for new tokens of sequences whose states stay from step to step: what cached_gru
/// (cached_gru.hpp) is for gru. A row of the cache, [slots, 2 * dim], is a state h | c.
Result<OperatorPtr> make_cached_lstm(const OperatorConfig& config);

}  // namespace lanewise::ops
