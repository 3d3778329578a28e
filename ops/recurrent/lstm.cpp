#include "ops/recurrent/lstm.hpp"

#include "ops/description.hpp"
#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_lstm(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kLstm, false);
}

namespace {

// Its output is h | c, and h is what the weight is multiplied by.
constexpr WeightRole kWeights[] = {{.role = "weight",
                                    .use = WeightUse::kProduct,
                                    .multiplies_output = true,
                                    .low_precision = true}};

}  // namespace

constinit const OperatorDescription lstm_operator = {
    .make = make_lstm,
    .rows = tokens_with_initial_state,
    .step = DecodingStep{.kind = DecodingStep::Kind::kRecurrent,
                         .op = "cached_lstm",
                         .cache_features = state_in_cache},
    .weights = kWeights,
    .state_parts = 2,
};

}  // namespace lanewise::ops
