#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

enum class RecurrentCell { kGru, kLstm };

/// The operator of that cell: over whole sequences (gru.hpp, lstm.hpp), or `cached`, over their new
/// tokens (cached_gru.hpp, cached_lstm.hpp).
Result<OperatorPtr> make_recurrent(const OperatorConfig& config, RecurrentCell cell, bool cached);

}  // namespace lanewise::ops
