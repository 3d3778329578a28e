#include "converters/formats/strided.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

static_assert(std::endian::native == std::endian::little, "big_endian means reversed");

bool is_empty(const Shape& shape) {
  return std::find(shape.begin(), shape.end(), 0) != shape.end();
}

/// Strides of sizes of 1 are never used, hence arbitrary.
bool is_dense(const Strided& array) {
  const Shape dense = dense_strides(array.shape, false);
  for (size_t d = 0; d < dense.size(); ++d) {
    if (array.shape[d] != 1 && array.strides[d] != dense[d]) return false;
  }
  return true;
}

/// The index of the last element; fails if it overflows.
Result<int64_t> last_element(const Strided& array) {
  int64_t last = array.offset;
  for (size_t d = 0; d < array.shape.size(); ++d) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(array.shape[d] - 1, array.strides[d], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return data_loss("strides " + to_string(array.strides) + " of shape " +
                       to_string(array.shape) + " overflow");
    }
  }
  return last;
}

/// Copies `count` elements, `stride` apart, and returns the end of the output.
template <size_t kBytes>
std::byte* copy_row(const std::byte* from, int64_t count, int64_t stride, bool reverse,
                    std::byte* to) {
  for (int64_t i = 0; i < count; ++i, to += kBytes) {
    std::memcpy(to, from + static_cast<size_t>(i * stride) * kBytes, kBytes);
    if (reverse) std::reverse(to, to + kBytes);
  }
  return to;
}

/// Copies rows of the last dimension; an odometer counts the other dimensions.
template <size_t kBytes>
void gather(const Elements& elements, const Strided& array, std::byte* to) {
  const size_t outer = array.shape.empty() ? 0 : array.shape.size() - 1;
  const int64_t row = array.shape.empty() ? 1 : array.shape[outer];
  const int64_t stride = array.shape.empty() ? 1 : array.strides[outer];
  Shape index(outer, 0);
  int64_t at = array.offset;
  while (true) {
    to = copy_row<kBytes>(elements.bytes.data() + static_cast<size_t>(at) * kBytes, row, stride,
                          elements.big_endian, to);
    size_t d = outer;
    while (d > 0 && index[d - 1] == array.shape[d - 1] - 1) {
      --d;
      at -= index[d] * array.strides[d];
      index[d] = 0;
    }
    if (d == 0) return;
    ++index[d - 1];
    at += array.strides[d - 1];
  }
}

void gather_any(const Elements& elements, const Strided& array, std::byte* to) {
  switch (size_of(elements.type)) {
    case 1:
      return gather<1>(elements, array, to);
    case 2:
      return gather<2>(elements, array, to);
    case 4:
      return gather<4>(elements, array, to);
    default:
      return gather<8>(elements, array, to);
  }
}

}  // namespace

Shape dense_strides(const Shape& shape, bool fortran) {
  Shape strides(shape.size());
  uint64_t next = 1;  // unsigned, because beside a size of 0 the others may be anything
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t d = fortran ? i : shape.size() - 1 - i;
    strides[d] = static_cast<int64_t>(next);
    next *= static_cast<uint64_t>(std::max<int64_t>(shape[d], 1));
  }
  return strides;
}

Status check_strided(const Strided& array, int64_t count, int64_t max_count) {
  const auto wrong = [&](const std::string& what) {
    return data_loss("offset " + std::to_string(array.offset) + ", shape " +
                     to_string(array.shape) + ", strides " + to_string(array.strides) + ": " +
                     what);
  };
  if (array.strides.size() != array.shape.size())
    return wrong("the numbers of strides and sizes differ");
  const auto negative = [](int64_t x) { return x < 0; };
  if (array.offset < 0 || std::any_of(array.strides.begin(), array.strides.end(), negative)) {
    return wrong("offset and strides must not be negative");
  }
  const Result<int64_t> elements = element_count(array.shape);
  if (!elements.ok()) return wrong(elements.status().message());
  if (is_empty(array.shape)) return {};
  LW_ASSIGN_OR_RETURN(const int64_t last, last_element(array));
  if (last >= count) {
    return wrong("element " + std::to_string(last) + " is beyond the storage's " +
                 std::to_string(count));
  }
  if (*elements <= std::max(count, max_count)) return {};
  return wrong("repeats the storage's " + std::to_string(count) + " elements too often");
}

TensorView dense_view(const Elements& elements, const Strided& array, Scratch& scratch) {
  // The offset of an empty array may be anything.
  if (is_empty(array.shape)) return {elements.type, elements.bytes.data(), array.shape};
  const size_t bytes = size_of(elements.type);
  if (is_dense(array) && (!elements.big_endian || bytes == 1)) {
    const std::byte* first = elements.bytes.data() + static_cast<size_t>(array.offset) * bytes;
    return {elements.type, first, array.shape};
  }
  size_t count = 1;  // checked: no overflow
  for (const int64_t size : array.shape) count *= static_cast<size_t>(size);
  scratch.resize(count * bytes);
  gather_any(elements, array, scratch.data());
  return {elements.type, scratch.data(), array.shape};
}

}  // namespace lanewise::converters
