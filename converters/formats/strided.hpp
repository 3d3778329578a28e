#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// The layout of an array in a storage: element i of the array is element
/// `offset + sum_d(i[d] * strides[d])` of the storage.
struct Strided {
  int64_t offset = 0;
  Shape shape;
  Shape strides;  ///< in elements, as many as sizes
};

/// The strides of a dense array whose last dimension varies fastest, or, with `fortran`, its first.
/// `shape` must have a valid element count.
Shape dense_strides(const Shape& shape, bool fortran);

/// Checks that every element is within the `count` elements of the storage, and that nothing is
/// negative or overflows. If dimensions repeat elements (stride 0), the dense array may have at
/// most max(max_count, count) elements, because a file of a few bytes must not request terabytes.
Status check_strided(const Strided& array, int64_t count, int64_t max_count);

/// The bytes of elements, in the byte order of the file.
struct Elements {
  std::span<const std::byte> bytes;
  DataType type = DataType::kF32;
  bool big_endian = false;
};

/// Returns the elements of a checked `array`, dense and row-major: in place if they have that
/// layout, otherwise in `scratch`, which must not contain `elements`.
TensorView dense_view(const Elements& elements, const Strided& array, Scratch& scratch);

}  // namespace lanewise::converters
