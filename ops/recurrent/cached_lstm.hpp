#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// lstm (lstm.hpp) for the new tokens of sequences whose states are cached from step to step, like
/// cached_gru (cached_gru.hpp) for gru. A row of the cache, [slots, 2 * dim], is a state h | c.
Result<OperatorPtr> make_cached_lstm(const OperatorConfig& config);

}  // namespace lanewise::ops
