#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Types of metadata, numbered as in the file.
enum class GgufType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

/// `u32`, `string`, ...
std::string_view name_of(GgufType type) noexcept;

/// A value of a GGUF's metadata. Refers to the bytes of the file, which must outlive it; those were
/// checked when it was read. Copying is cheap, and an array takes no memory until it is asked for.
class GgufValue {
 public:
  GgufType type() const noexcept { return type_; }
  bool is_array() const noexcept { return type_ == GgufType::kArray; }

  /// Nothing unless this is an integer, of any size, that fits.
  std::optional<int64_t> integer() const noexcept;
  std::optional<uint64_t> natural() const noexcept;
  /// Any number, rounded to double; nothing for other types.
  std::optional<double> number() const noexcept;
  std::optional<bool> boolean() const noexcept;
  /// Any bytes: the format says UTF-8, but nothing checks it.
  std::optional<std::string_view> string() const noexcept;

  /// For arrays.
  GgufType element_type() const noexcept { return element_type_; }
  /// How many elements an array has; 0 for other types.
  uint64_t size() const noexcept { return size_; }

  /// The first elements of an array, up to `most`; none for other types. They take 40 bytes each.
  std::vector<GgufValue> elements(size_t most) const;
  /// All elements of an array of strings; nothing for other types. At most twice the size of the
  /// array in the file.
  std::optional<std::vector<std::string_view>> strings() const;
  /// All elements of an array of numbers, as number() gives them; nothing for other types. At most
  /// eight times the size of the array in the file.
  std::optional<std::vector<double>> numbers() const;

 private:
  friend class GgufReader;

  GgufType type_ = GgufType::kU8;
  GgufType element_type_ = GgufType::kU8;
  uint64_t size_ = 0;
  std::span<const std::byte> bytes_;  ///< of a string without its length; of all elements
};

/// Reads the fields of a GGUF's header one after another. Errors lack the name of the object, which
/// the caller adds.
class GgufReader {
 public:
  explicit GgufReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  size_t position() const noexcept { return at_; }
  size_t left() const noexcept { return bytes_.size() - at_; }

  Result<uint32_t> u32();
  Result<uint64_t> u64();
  Result<std::string_view> string();
  /// A type and a value of it.
  Result<GgufValue> value();

 private:
  friend class GgufValue;

  Result<std::span<const std::byte>> take(uint64_t size);
  Result<GgufType> type();
  Result<GgufValue> value_of(GgufType type, int depth);
  Result<GgufValue> array(int depth);
  /// Skips `count` elements, each of which must be well-formed.
  Status skip_elements(GgufType type, uint64_t count, int depth);

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

}  // namespace lanewise::converters
