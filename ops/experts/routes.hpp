#pragma once

#include <cstdint>

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Indices up to here are exact in f32, and far more than any model has.
constexpr int64_t kMostExperts = 1 << 16;

/// The experts of each token and their weights, as top_experts makes them:
/// [rows, 2 * top_k] f32, indices, then weights.
struct Routes {
  const Operand& operand;
  int64_t top_k;

  /// A damaged model may have any numbers here.
  bool is(int64_t row, int64_t j, int64_t expert) const noexcept {
    return operand.f32(row)[j] == static_cast<float>(expert);
  }
  float weight(int64_t row, int64_t j) const noexcept { return operand.f32(row)[top_k + j]; }
};

/// Fails unless `spec` are routes of top_k experts, at least 1.
Status expect_routes(const OperandSpec& spec, int64_t top_k);

}  // namespace lanewise::ops
