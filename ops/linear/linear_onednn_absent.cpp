#include "ops/linear/linear_list.hpp"

namespace lanewise::ops {

LinearOffer offer_onednn_linear(const LinearProblem&) {
  return {nullptr, "this build has no oneDNN"};
}

LinearOffer offer_onednn_linear_on(const LinearProblem& problem, OneDnnCpus) {
  return offer_onednn_linear(problem);
}

}  // namespace lanewise::ops
