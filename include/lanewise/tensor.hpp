#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// Element types, named as in safetensors.
enum class DataType { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU8, kBool };

/// The size of one element in bytes.
LANEWISE_EXPORT size_t size_of(DataType type) noexcept;
/// The name in safetensors: `F32`, `I64`, ...
LANEWISE_EXPORT std::string_view name_of(DataType type) noexcept;

using Shape = std::vector<int64_t>;

/// Formats a shape for messages: `[32, 128, 384]`.
LANEWISE_EXPORT std::string to_string(const Shape& shape);

/// The number of elements of `shape`; 1 for a scalar. Fails if a dimension is negative or the
/// product overflows int64_t.
LANEWISE_EXPORT Result<int64_t> element_count(const Shape& shape);

/// A dense row-major array owned by someone else.
struct TensorView {
  DataType type = DataType::kF32;
  const void* data = nullptr;
  Shape shape;

  /// The elements as T, which must match `type`.
  template <typename T>
  const T* as() const noexcept {
    return static_cast<const T*>(data);
  }
};

/// A dense row-major array that owns its elements.
class LANEWISE_EXPORT Tensor {
 public:
  Tensor() = default;
  /// Fills the tensor with zeros. element_count(shape) must succeed.
  Tensor(DataType type, Shape shape);

  DataType type() const noexcept { return type_; }
  const Shape& shape() const noexcept { return shape_; }
  size_t size_bytes() const noexcept { return bytes_.size(); }
  TensorView view() const { return {type_, bytes_.data(), shape_}; }

  /// The elements as T, which must match type().
  template <typename T>
  T* as() noexcept {
    return reinterpret_cast<T*>(bytes_.data());
  }
  template <typename T>
  const T* as() const noexcept {
    return reinterpret_cast<const T*>(bytes_.data());
  }

 private:
  DataType type_ = DataType::kF32;
  Shape shape_;
  std::vector<std::byte> bytes_;
};

/// Tensors by name, sorted by name.
using TensorMap = std::map<std::string, Tensor, std::less<>>;

}  // namespace lanewise
