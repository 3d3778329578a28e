#pragma once

#include <cstddef>
#include <span>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// The header of a .npy file.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NpyHeader {
  DataType type = DataType::kF32;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
  size_t bytes = 0;  ///< of the header: where the elements begin
};

/// The maximum size of a header for numbers; numpy pads it to some hundred bytes.
inline constexpr size_t kMaxNpyHeaderBytes = 4096;

/// Reads the header at the beginning of `file`, version 1, 2 or 3.
///
/// Fails with kUnsupported for elements that DataType lacks, including objects, which are pickles;
/// with kDataLoss if it is not a header.
Result<NpyHeader> read_npy_header(std::span<const std::byte> file);

}  // namespace lanewise::converters
