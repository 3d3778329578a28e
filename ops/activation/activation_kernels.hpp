#pragma once

#include "ops/activation/activation_kind.hpp"
#include "ops/row_block.hpp"

namespace lanewise::ops {

struct ActivationKernels {
  /// y[r, i] = kind(x[r, i]). y may be x.
  void (*apply)(Activation kind, const RowBlock& block) noexcept;
};

}  // namespace lanewise::ops
