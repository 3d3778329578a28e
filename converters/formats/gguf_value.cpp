#include "converters/formats/gguf_value.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

/// Arrays in arrays. Real files have none; the limit keeps the recursion small.
constexpr int kMaxGgufDepth = 8;

struct TypeFacts {
  std::string_view name;
  size_t bytes;  ///< of a number; 0 for strings and arrays
};

constexpr TypeFacts kTypes[] = {{"u8", 1},  {"i8", 1},  {"u16", 2},  {"i16", 2},    {"u32", 4},
                                {"i32", 4}, {"f32", 4}, {"bool", 1}, {"string", 0}, {"array", 0},
                                {"u64", 8}, {"i64", 8}, {"f64", 8}};

size_t bytes_of(GgufType type) noexcept { return kTypes[static_cast<size_t>(type)].bytes; }

bool is_integer(GgufType type) noexcept {
  return bytes_of(type) != 0 && type != GgufType::kF32 && type != GgufType::kF64 &&
         type != GgufType::kBool;
}

/// The smallest encoding of a value, by which a count can be checked before anything is read.
size_t least_bytes(GgufType type) noexcept {
  if (type == GgufType::kString) return sizeof(uint64_t);
  if (type == GgufType::kArray) return sizeof(uint32_t) + sizeof(uint64_t);
  return bytes_of(type);
}

template <typename T>
T load(const std::byte* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// Calls `use` with the number, in its own type.
template <typename Use>
void with_number(GgufType type, const std::byte* at, Use use) {
  switch (type) {
    case GgufType::kU8:
      return use(load<uint8_t>(at));
    case GgufType::kI8:
      return use(load<int8_t>(at));
    case GgufType::kU16:
      return use(load<uint16_t>(at));
    case GgufType::kI16:
      return use(load<int16_t>(at));
    case GgufType::kU32:
      return use(load<uint32_t>(at));
    case GgufType::kI32:
      return use(load<int32_t>(at));
    case GgufType::kU64:
      return use(load<uint64_t>(at));
    case GgufType::kI64:
      return use(load<int64_t>(at));
    case GgufType::kF32:
      return use(load<float>(at));
    case GgufType::kF64:
      return use(load<double>(at));
    default:
      return;
  }
}

}  // namespace

std::string_view name_of(GgufType type) noexcept { return kTypes[static_cast<size_t>(type)].name; }

std::optional<uint64_t> GgufValue::natural() const noexcept {
  if (!is_integer(type_)) return std::nullopt;
  std::optional<uint64_t> result;
  with_number(type_, bytes_.data(), [&](auto x) {
    if (x >= decltype(x){0}) result = static_cast<uint64_t>(x);
  });
  return result;
}

std::optional<int64_t> GgufValue::integer() const noexcept {
  if (!is_integer(type_)) return std::nullopt;
  if (type_ != GgufType::kU64) {
    int64_t result = 0;
    with_number(type_, bytes_.data(), [&](auto x) { result = static_cast<int64_t>(+x); });
    return result;
  }
  const auto value = load<uint64_t>(bytes_.data());
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  return value <= kMax ? std::optional(static_cast<int64_t>(value)) : std::nullopt;
}

std::optional<double> GgufValue::number() const noexcept {
  std::optional<double> result;
  with_number(type_, bytes_.data(), [&](auto x) { result = static_cast<double>(x); });
  return result;
}

std::optional<bool> GgufValue::boolean() const noexcept {
  if (type_ != GgufType::kBool) return std::nullopt;
  return bytes_[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::string() const noexcept {
  if (type_ != GgufType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
}

std::vector<GgufValue> GgufValue::elements(size_t most) const {
  std::vector<GgufValue> list;
  if (!is_array()) return list;
  GgufReader reader(bytes_);
  const uint64_t count = std::min<uint64_t>(size_, most);
  list.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    Result<GgufValue> element = reader.value_of(element_type_, 1);
    if (!element.ok()) break;  // Never: the array was checked when it was read.
    list.push_back(*element);
  }
  return list;
}

std::optional<std::vector<std::string_view>> GgufValue::strings() const {
  if (!is_array() || element_type_ != GgufType::kString) return std::nullopt;
  std::vector<std::string_view> list;
  list.reserve(size_);
  GgufReader reader(bytes_);
  for (uint64_t i = 0; i < size_; ++i) {
    const Result<std::string_view> element = reader.string();
    if (!element.ok()) return std::nullopt;  // Never, as above.
    list.push_back(*element);
  }
  return list;
}

std::optional<std::vector<double>> GgufValue::numbers() const {
  const size_t bytes = bytes_of(element_type_);
  if (!is_array() || bytes == 0 || element_type_ == GgufType::kBool) return std::nullopt;
  std::vector<double> list(size_);
  for (uint64_t i = 0; i < size_; ++i) {
    with_number(element_type_, bytes_.data() + i * bytes,
                [&](auto x) { list[i] = static_cast<double>(x); });
  }
  return list;
}

Result<std::span<const std::byte>> GgufReader::take(uint64_t size) {
  if (size > left()) {
    return data_loss("expected " + std::to_string(size) + " bytes at byte " + std::to_string(at_) +
                     ", but the file has only " + std::to_string(left()) + " more");
  }
  const auto taken = bytes_.subspan(at_, size);
  at_ += size;
  return taken;
}

Result<uint32_t> GgufReader::u32() {
  LW_ASSIGN_OR_RETURN(const auto bytes, take(sizeof(uint32_t)));
  return load<uint32_t>(bytes.data());
}

Result<uint64_t> GgufReader::u64() {
  LW_ASSIGN_OR_RETURN(const auto bytes, take(sizeof(uint64_t)));
  return load<uint64_t>(bytes.data());
}

Result<std::string_view> GgufReader::string() {
  LW_ASSIGN_OR_RETURN(const uint64_t size, u64());
  LW_ASSIGN_OR_RETURN(const auto bytes, take(size));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<GgufType> GgufReader::type() {
  LW_ASSIGN_OR_RETURN(const uint32_t number, u32());
  if (number < std::size(kTypes)) return static_cast<GgufType>(number);
  return data_loss("has the type " + std::to_string(number) + ", expected 0 to " +
                   std::to_string(std::size(kTypes) - 1));
}

Result<GgufValue> GgufReader::value() {
  LW_ASSIGN_OR_RETURN(const GgufType of, type());
  return value_of(of, 0);
}

Result<GgufValue> GgufReader::value_of(GgufType of, int depth) {
  if (of == GgufType::kArray) return array(depth);
  GgufValue value;
  value.type_ = of;
  if (of == GgufType::kString) {
    LW_ASSIGN_OR_RETURN(const std::string_view text, string());
    value.bytes_ = std::as_bytes(std::span(text));
    return value;
  }
  LW_ASSIGN_OR_RETURN(value.bytes_, take(bytes_of(of)));
  if (of == GgufType::kBool && value.bytes_[0] > std::byte{1}) {
    return data_loss("is the bool " + std::to_string(std::to_integer<int>(value.bytes_[0])) +
                     ", expected 0 or 1");
  }
  return value;
}

Result<GgufValue> GgufReader::array(int depth) {
  if (depth >= kMaxGgufDepth) {
    return data_loss("has arrays nested deeper than " + std::to_string(kMaxGgufDepth));
  }
  GgufValue value;
  value.type_ = GgufType::kArray;
  LW_ASSIGN_OR_RETURN(value.element_type_, type());
  LW_ASSIGN_OR_RETURN(value.size_, u64());
  if (value.size_ > left() / least_bytes(value.element_type_)) {
    return data_loss("claims " + std::to_string(value.size_) + " elements of type " +
                     std::string(name_of(value.element_type_)) + ", but the file has only " +
                     std::to_string(left()) + " more bytes");
  }
  const size_t begin = at_;
  LW_RETURN_IF_ERROR(skip_elements(value.element_type_, value.size_, depth));
  value.bytes_ = bytes_.subspan(begin, at_ - begin);
  return value;
}

Status GgufReader::skip_elements(GgufType type, uint64_t count, int depth) {
  const size_t bytes = bytes_of(type);
  if (bytes != 0 && type != GgufType::kBool) {
    at_ += bytes * count;  // Fits, as array() checked.
    return {};
  }
  for (uint64_t i = 0; i < count; ++i) {
    const Result<GgufValue> element = value_of(type, depth + 1);
    if (!element.ok()) return element.status().with_context("element " + std::to_string(i));
  }
  return {};
}

}  // namespace lanewise::converters
