#pragma once

#include <cstdint>

namespace lanewise {

/// What a checkpoint may ask for before it is refused with kResourceExhausted (docs/security.md).
/// Far above real ones.
struct ConvertLimits {
  /// Bytes of the part of a file that describes its tensors: the header of safetensors, the pickle
  /// of a .pt, the JSON of a .pt2.
  int64_t header_bytes = 128 << 20;
  int64_t tensors = 1 << 20;                  ///< in all files of a checkpoint
  int64_t unpacked_bytes = int64_t{1} << 40;  ///< of all tensors, when they are unpacked
};

}  // namespace lanewise
