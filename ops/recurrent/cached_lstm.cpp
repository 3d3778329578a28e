#include "ops/recurrent/cached_lstm.hpp"

#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_cached_lstm(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kLstm, true);
}

}  // namespace lanewise::ops
