#pragma once

#include "ops/isa.hpp"
#include "ops/weights/half/half.hpp"

namespace lanewise::ops {

/// Linear layers with weights in one format of 16 bits.
struct HalfFormatKernels {
  /// `scratch` is not used.
  void (*multiply)(const HalfBlock& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` processes at once.
  size_t tile_rows;
};

struct HalfKernels {
  HalfFormatKernels f16;
  HalfFormatKernels bf16;
};

}  // namespace lanewise::ops
