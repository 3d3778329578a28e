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

/// Element types, by the names that safetensors gives them.
enum class DataType { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU8, kBool };

/// Bytes of one element.
LANEWISE_EXPORT size_t size_of(DataType type) noexcept;
/// `F32`, `I64`, ...: safetensors' names.
LANEWISE_EXPORT std::string_view name_of(DataType type) noexcept;

using Shape = std::vector<int64_t>;

/// `[32, 128, 384]`, for messages.
LANEWISE_EXPORT std::string to_string(const Shape& shape);

/// Elements of `shape`, 1 for a scalar; an error when a size is negative or the product
/// does not fit in int64_t.
LANEWISE_EXPORT Result<int64_t> element_count(const Shape& shape);

/// A dense row-major array that somebody else owns. Trivially copyable.
struct TensorView {
  DataType type = DataType::kF32;
  const void* data = nullptr;
  Shape shape;

  /// data as T; the caller has checked `type`.
  template <typename T>
  const T* as() const noexcept {
    return static_cast<const T*>(data);
  }
};

/// A dense row-major array that owns its bytes.
class LANEWISE_EXPORT Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. `shape` must have a valid element count.
  Tensor(DataType type, Shape shape);

  DataType type() const noexcept { return type_; }
  const Shape& shape() const noexcept { return shape_; }
  size_t size_bytes() const noexcept { return bytes_.size(); }
  TensorView view() const { return {type_, bytes_.data(), shape_}; }

  /// The elements as T; the caller has checked `type()`.
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

/// Tensors by name, in name order.
using TensorMap = std::map<std::string, Tensor, std::less<>>;

}  // namespace lanewise
