#include "ops/recurrent/gru.hpp"

#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_gru(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kGru, false);
}

}  // namespace lanewise::ops
