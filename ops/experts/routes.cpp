#include "ops/experts/routes.hpp"

#include <string>

namespace lanewise::ops {

Status expect_routes(const OperandSpec& spec, int64_t top_k) {
  const bool possible = top_k >= 1 && top_k <= kMostExperts;
  if (possible && spec.type == DataType::kF32 && spec.features == 2 * top_k) return {};
  return invalid_argument("routes: expected an index and a weight of each of " +
                          std::to_string(top_k) + " experts, found " +
                          std::to_string(spec.features) + " features");
}

}  // namespace lanewise::ops
