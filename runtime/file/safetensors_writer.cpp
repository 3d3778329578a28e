#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/checksums.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/file/safetensors_header.hpp"

namespace lanewise::file {
namespace {

// A page: nothing needs more, and filler comes from one zeroed array.
constexpr size_t kMaxAlignment = 4096;
constexpr std::array<std::byte, kMaxAlignment> kZeros = {};
// The largest element. Even at `alignment` 1, elements are aligned for their type.
constexpr size_t kMinUnit = 8;

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

/// A tensor, or filler, and its position in the file.
struct Placed {
  TensorEntry entry;
  size_t bytes = 0;
  const DeferredTensor* tensor = nullptr;  // null: filler
};

Result<size_t> bytes_of(DataType type, const Shape& shape) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(shape));
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(count), size_of(type), &bytes)) {
    return invalid_argument("shape " + to_string(shape) + " has too many elements");
  }
  return bytes;
}

Status check_name(const std::string& name, std::set<std::string_view>& names) {
  if (name.empty()) return invalid_argument("a name must not be empty");
  if (name == "__metadata__" || name.starts_with(kPaddingPrefix)) {
    return invalid_argument("the name is reserved");
  }
  if (!names.insert(name).second) return invalid_argument("the name appears twice");
  return {};
}

Result<std::vector<Placed>> check_inputs(std::span<const DeferredTensor> tensors) {
  std::vector<Placed> placed;
  std::set<std::string_view> names;
  for (const DeferredTensor& input : tensors) {
    const std::string context = "tensor " + base::in_quotes(input.name);
    const Status named = check_name(input.name, names);
    if (!named.ok()) return named.with_context(context);
    const Result<size_t> bytes = bytes_of(input.type, input.shape);
    if (!bytes.ok()) return bytes.status().with_context(context);
    placed.push_back({{input.name, input.type, input.shape, 0, *bytes}, *bytes, &input});
  }
  return placed;
}

/// Tensors of whole units first, in the given order; then the rest by decreasing element size, so
/// that each is followed by elements of the same or lower alignment.
void order_for_alignment(std::vector<Placed>& tensors, size_t alignment) {
  const size_t unit = std::max(alignment, kMinUnit);
  const auto rank = [unit](const Placed& tensor) {
    return tensor.bytes % unit == 0 ? size_t{0} : kMinUnit + 1 - size_of(tensor.entry.type);
  };
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](const Placed& a, const Placed& b) { return rank(a) < rank(b); });
}

Placed filler(size_t index, size_t bytes) {
  std::string name = std::string(kPaddingPrefix) + std::to_string(index);
  return {{std::move(name), DataType::kU8, {static_cast<int64_t>(bytes)}, 0, bytes}, bytes};
}

/// Assigns positions, with filler where order alone does not align.
Result<std::vector<Placed>> lay_out(std::vector<Placed> tensors, size_t alignment) {
  order_for_alignment(tensors, alignment);
  std::vector<Placed> layout;
  size_t end = 0;
  size_t fillers = 0;
  const auto append = [&](Placed tensor) {
    tensor.entry.begin = end;
    const bool fits = !__builtin_add_overflow(end, tensor.bytes, &end) &&
                      end <= SIZE_MAX - kMaxHeaderBytes - 2 * kMaxAlignment;
    tensor.entry.end = end;
    layout.push_back(std::move(tensor));
    return fits;
  };
  for (Placed& tensor : tensors) {
    const size_t gap = round_up(end, alignment) - end;
    if (gap != 0) append(filler(fillers++, gap));
    if (!append(std::move(tensor))) return invalid_argument("the tensors do not fit in one file");
  }
  return layout;
}

Status header_too_long(uint64_t bytes) {
  return resource_exhausted("header of " + std::to_string(bytes) +
                            " bytes is above the format's limit of " +
                            std::to_string(kMaxHeaderBytes));
}

/// Length and JSON, padded with spaces (the format allows them) until the data is aligned.
Result<std::string> header_bytes(const Metadata& metadata, std::span<const TensorEntry> entries,
                                 size_t alignment) {
  // Reject an oversized header before using memory for its JSON.
  uint64_t texts = 0;
  for (const auto& [key, value] : metadata) texts += key.size() + value.size();
  if (texts > kMaxHeaderBytes) return header_too_long(texts);

  LW_ASSIGN_OR_RETURN(const std::string json, format_safetensors_header(metadata, entries));
  const size_t length =
      round_up(sizeof(uint64_t) + json.size(), std::max(alignment, kMinUnit)) - sizeof(uint64_t);
  if (length > kMaxHeaderBytes) return header_too_long(length);
  std::string header;
  for (size_t i = 0; i < sizeof(uint64_t); ++i) header += static_cast<char>(length >> (8 * i));
  header += json;
  header.resize(sizeof(uint64_t) + length, ' ');
  return header;
}

/// Writes a tensor, or filler. Appends the checksum of a tensor to `checksums`, unless that is null.
Status write(Sink& sink, const Placed& placed, std::vector<std::byte>* checksums) {
  if (placed.tensor == nullptr) return sink.write(std::span(kZeros).first(placed.bytes));
  const Result<OwnedBytes> made = placed.tensor->make();
  if (!made.ok()) return made.status();
  if (made->bytes.size() != placed.bytes) {
    return internal_error("tensor " + base::in_quotes(placed.entry.name) + " has " +
                          std::to_string(made->bytes.size()) + " bytes, expected " +
                          std::to_string(placed.bytes));
  }
  if (checksums != nullptr) {
    append_checksum(tensor_checksum(placed.entry.name, made->bytes), *checksums);
  }
  return sink.write(made->bytes);
}

/// The tensor of the checksums of `count` others, which end at `end`.
TensorEntry checksums_entry(const std::string& name, size_t count, size_t end) {
  const Shape shape = {static_cast<int64_t>(count), static_cast<int64_t>(kChecksumBytes)};
  return {name, DataType::kU8, shape, end, end + count * kChecksumBytes};
}

/// Refers to the bytes of `input`.
Result<DeferredTensor> deferred(const SafetensorsInput& input) {
  const TensorView& tensor = input.tensor;
  const Result<size_t> bytes = bytes_of(tensor.type, tensor.shape);
  const std::string context = "tensor " + base::in_quotes(input.name);
  if (!bytes.ok()) return bytes.status().with_context(context);
  if (*bytes != 0 && tensor.data == nullptr) {
    return invalid_argument("it has no data").with_context(context);
  }
  const std::span data(static_cast<const std::byte*>(tensor.data), *bytes);
  return DeferredTensor{input.name, tensor.type, tensor.shape, [data]() -> Result<OwnedBytes> {
                          return OwnedBytes{data, nullptr};
                        }};
}

}  // namespace

Status write_safetensors(Sink& sink, const Metadata& metadata,
                         std::span<const SafetensorsInput> tensors, size_t alignment) {
  return base::no_throw([&]() -> Status {
    std::vector<DeferredTensor> all;
    for (const SafetensorsInput& input : tensors) {
      LW_ASSIGN_OR_RETURN(DeferredTensor tensor, deferred(input));
      all.push_back(std::move(tensor));
    }
    return write_deferred(sink, metadata, all, alignment);
  });
}

Status write_deferred(Sink& sink, const Metadata& metadata, std::span<const DeferredTensor> tensors,
                      size_t alignment, const std::string& checksums) {
  return base::no_throw([&]() -> Status {
    if (!std::has_single_bit(alignment) || alignment > kMaxAlignment) {
      return invalid_argument("alignment " + std::to_string(alignment) +
                              " is not a power of two up to " + std::to_string(kMaxAlignment));
    }
    LW_ASSIGN_OR_RETURN(std::vector<Placed> placed, check_inputs(tensors));
    LW_ASSIGN_OR_RETURN(const std::vector<Placed> layout, lay_out(std::move(placed), alignment));
    std::vector<TensorEntry> entries;
    entries.reserve(layout.size() + 1);
    for (const Placed& tensor : layout) entries.push_back(tensor.entry);
    const size_t end = layout.empty() ? 0 : layout.back().entry.end;
    if (!checksums.empty()) entries.push_back(checksums_entry(checksums, tensors.size(), end));
    LW_ASSIGN_OR_RETURN(const std::string header, header_bytes(metadata, entries, alignment));
    LW_RETURN_IF_ERROR(sink.reserve(header.size() + (entries.empty() ? 0 : entries.back().end)));
    LW_RETURN_IF_ERROR(sink.write(std::as_bytes(std::span(header))));
    std::vector<std::byte> sums;
    for (const Placed& tensor : layout) {
      LW_RETURN_IF_ERROR(write(sink, tensor, checksums.empty() ? nullptr : &sums));
    }
    return sums.empty() ? Status() : sink.write(sums);
  });
}

}  // namespace lanewise::file
