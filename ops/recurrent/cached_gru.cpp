#include "ops/recurrent/cached_gru.hpp"

#include "ops/description.hpp"
#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_cached_gru(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kGru, true);
}

constinit const OperatorDescription cached_gru_operator = {
    .make = make_cached_gru,
    .rows = tokens_with_cached_state,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = kRecurrentWeights,
};

}  // namespace lanewise::ops
