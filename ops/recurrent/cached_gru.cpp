#include "ops/recurrent/cached_gru.hpp"

#include "ops/recurrent/recurrent.hpp"

namespace lanewise::ops {

Result<OperatorPtr> make_cached_gru(const OperatorConfig& config) {
  return make_recurrent(config, RecurrentCell::kGru, true);
}

}  // namespace lanewise::ops
