#include "ops/linear/linear_list.hpp"

namespace lanewise::ops {

LinearOffer offer_onednn_linear(const LinearProblem&) {
  return {nullptr, "this build has no oneDNN"};
}

}  // namespace lanewise::ops
