#pragma once

#include "ops/linear/linear_block.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops {

/// The weight [n, k] of a product, in the roles and types that a model file may hold it in
/// (ops/linear/README.md), checked:
///
///   F32   weight [panels, k, 16]
///   BF16  weight [panels, ceil(k / 2), 16, 2]
///   I8    weight [panels, ceil(k / 4), 16, 4]; weight_scale [n] F32; weight_sum [n] I32
///   U8    weight [panels, k8 / 8, 64] of 4-bit numbers; weight_scale [panels, groups, 16] F32;
///         weight_minimum like it, optional; weight_sum [n] F32. k8 = groups * group, the group 32,
///         64, 96, ...
///
/// weight_sum is the sum over the inputs: of the integers of I8, of what U8 stands for.
/// I8 and U8 may have input_scale [k] F32, which x is multiplied by before it is quantised. Beside
/// these there may be a bias. Fails with kInvalidArgument naming the role.
Result<LinearWeight> linear_weight(const OperatorConfig& config, int64_t n, int64_t k);

/// How to multiply with weights of one type.
struct LinearMultiply {
  /// `scratch`: prepared_bytes() for the weight, aligned to 64.
  void (*multiply)(const LinearBlock& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` works on at once.
  size_t tile_rows;
};

LinearMultiply linear_multiply(LinearType type, Isa isa) noexcept;

}  // namespace lanewise::ops
