#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// Where the elements of an array stand among others: element i of the array is number
/// `offset + sum_d(i[d] * strides[d])` of them.
struct Strided {
  int64_t offset = 0;
  Shape shape;
  Shape strides;  ///< in elements, as many as sizes
};

/// The strides of a dense array whose last size runs fastest, or, with `fortran`, its first.
/// `shape` has a valid element count.
Shape dense_strides(const Shape& shape, bool fortran);

/// That every element stands within `count` of them, and nothing is negative or overflows. Where
/// sizes repeat elements (stride 0), the array made dense has at most `max_count` elements, or
/// `count`, whichever is more: a file of a few bytes must not ask for terabytes.
Status check_strided(const Strided& array, int64_t count, int64_t max_count);

/// Bytes of elements, in the order of bytes that the file has them in.
struct Elements {
  std::span<const std::byte> bytes;
  DataType type = DataType::kF32;
  bool big_endian = false;
};

/// The elements of a checked `array`, dense and row-major: where they are if they stand so, else
/// in `scratch`, which `elements` must not be part of.
TensorView dense_view(const Elements& elements, const Strided& array, Scratch& scratch);

}  // namespace lanewise::converters
