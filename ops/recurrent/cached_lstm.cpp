#include "ops/recurrent/cached_lstm.hpp"

#include "ops/description.hpp"
#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_cached_lstm(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kLstm, true);
}

constinit const OperatorDescription cached_lstm_operator = {
    .make = make_cached_lstm,
    .rows = tokens_with_cached_state,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = kRecurrentWeights,
    .state_parts = 2,
};

}  // namespace lanewise::ops
