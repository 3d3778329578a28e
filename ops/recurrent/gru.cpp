#include "ops/recurrent/gru.hpp"

#include "ops/description.hpp"
#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_gru(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kGru, false);
}

constinit const OperatorDescription gru_operator = {
    .make = make_gru,
    .rows = tokens_with_initial_state,
    .step = DecodingStep{.kind = DecodingStep::Kind::kRecurrent,
                         .op = "cached_gru",
                         .cache_features = state_in_cache},
    .weights = kRecurrentWeights,
};

}  // namespace lanewise::ops
