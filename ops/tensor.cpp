#include "lanewise/tensor.hpp"

#include <array>
#include <limits>

#include "base/no_throw.hpp"

namespace lanewise {
namespace {

struct TypeFacts {
  std::string_view name;
  size_t bytes;
};

// In the order of DataType.
constexpr std::array<TypeFacts, 10> kTypes = {{{"F32", 4},
                                               {"F16", 2},
                                               {"BF16", 2},
                                               {"F64", 8},
                                               {"I64", 8},
                                               {"I32", 4},
                                               {"I16", 2},
                                               {"I8", 1},
                                               {"U8", 1},
                                               {"BOOL", 1}}};

}  // namespace

size_t size_of(DataType type) noexcept { return kTypes[static_cast<size_t>(type)].bytes; }

std::string_view name_of(DataType type) noexcept { return kTypes[static_cast<size_t>(type)].name; }

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

Result<int64_t> element_count(const Shape& shape) {
  return base::no_throw([&]() -> Result<int64_t> {
    int64_t count = 1;
    for (const int64_t size : shape) {
      if (size < 0) return invalid_argument("negative size in shape " + to_string(shape));
      if (__builtin_mul_overflow(count, size, &count)) {
        return invalid_argument("shape " + to_string(shape) + " has too many elements");
      }
    }
    return count;
  });
}

Tensor::Tensor(DataType type, Shape shape) : type_(type), shape_(std::move(shape)) {
  const Result<int64_t> count = element_count(shape_);
  if (!count.ok()) return;
  size_t bytes = 0;
  const bool fits = !__builtin_mul_overflow(static_cast<size_t>(*count), size_of(type_), &bytes);
  bytes_.resize(fits ? bytes : std::numeric_limits<size_t>::max());  // which throws
}

}  // namespace lanewise
