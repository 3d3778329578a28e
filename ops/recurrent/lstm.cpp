#include "ops/recurrent/lstm.hpp"

#include "ops/description.hpp"
#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_lstm(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kLstm, false);
}

constinit const OperatorDescription lstm_operator = {
    .make = make_lstm,
    .rows = tokens_with_initial_state,
    .step = DecodingStep{.kind = DecodingStep::Kind::kRecurrent,
                         .op = "cached_lstm",
                         .cache_features = state_in_cache},
    .weights = kRecurrentWeights,
    .state_parts = 2,  // h | c
};

}  // namespace lanewise::ops
