#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct SoftCapKernels {
  /// y may be x.
  void (*apply)(float cap, const RowBlock& rows) noexcept;
};

}  // namespace lanewise::ops
