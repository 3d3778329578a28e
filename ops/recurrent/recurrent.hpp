#pragma once

#include "ops/description.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops {

enum class RecurrentCell { kGru, kLstm };

/// The operator of a cell: over whole sequences (gru.hpp, lstm.hpp), or `cached`, over their new
/// tokens (cached_gru.hpp, cached_lstm.hpp).
Result<OperatorPtr> make_recurrent(const OperatorConfig& config, RecurrentCell cell, bool cached);

/// The weight of a recurrent layer multiplies the states: the layer's output for the previous
/// token.
inline constexpr WeightRole kRecurrentWeights[] = {{.role = "weight",
                                                    .use = WeightUse::kProduct,
                                                    .multiplies_output = true,
                                                    .low_precision = true}};

/// The rows of a cached layer: tokens, optionally an initial state, and a cache supplied by the
/// caller.
std::string_view tokens_with_cached_state(const NodeRows& rows);

/// Features of a slot of the cache: the state after a token is the layer's output.
Result<int64_t> state_in_cache(const Attributes& attributes, int64_t output_features);

}  // namespace lanewise::ops
