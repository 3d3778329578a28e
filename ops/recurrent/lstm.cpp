#include "ops/recurrent/lstm.hpp"

#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_lstm(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kLstm, false);
}

}  // namespace lanewise::ops
