#include "runtime/file/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/file_kind.hpp"
#include "runtime/file/safetensors_header.hpp"

namespace lanewise::file {
namespace {

constexpr size_t kLengthBytes = 8;

uint64_t read_length(std::span<const std::byte> file) {
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint64_t>(file[i]);
  return length;
}

/// The text of the header; the data section follows it.
Result<std::string_view> header_text(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) {
    return data_loss("not a safetensors file: it has only " + std::to_string(file.size()) +
                     " bytes");
  }
  const uint64_t length = read_length(file);
  const size_t rest = file.size() - kLengthBytes;
  if (length > rest) {
    return data_loss("header of " + std::to_string(length) + " bytes is longer than the file's " +
                     std::to_string(rest));
  }
  if (length > kMaxHeaderBytes) {
    return data_loss("header of " + std::to_string(length) + " bytes is above the format's limit");
  }
  return std::string_view(reinterpret_cast<const char*>(file.data()) + kLengthBytes,
                          static_cast<size_t>(length));
}

/// Bytes per element of a type that DataType lacks; 0 if unknown.
uint64_t foreign_bytes(std::string_view type) {
  if (type == "U16") return 2;
  if (type == "U32") return 4;
  if (type == "U64" || type == "C64") return 8;
  return type.starts_with("F8_") ? 1 : 0;
}

Status check_size(const TensorEntry& entry, size_t data_bytes) {
  const auto damaged = [&](const std::string& what) {
    return data_loss("tensor " + base::in_quotes(entry.name) + ": " + what);
  };
  if (entry.end < entry.begin || entry.end > data_bytes) {
    return damaged("data_offsets [" + std::to_string(entry.begin) + ", " +
                   std::to_string(entry.end) + "] do not lie within the file's " +
                   std::to_string(data_bytes) + " bytes of data");
  }
  const Result<int64_t> count = element_count(entry.shape);
  if (!count.ok()) return damaged(count.status().message());
  const uint64_t bytes =
      entry.foreign_type.empty() ? size_of(entry.type) : foreign_bytes(entry.foreign_type);
  if (bytes == 0) return {};
  uint64_t expected = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(*count), bytes, &expected)) {
    return damaged("shape " + to_string(entry.shape) + " has too many elements");
  }
  if (expected != entry.end - entry.begin) {
    const std::string_view type =
        entry.foreign_type.empty() ? name_of(entry.type) : entry.foreign_type;
    return damaged("expected " + std::to_string(expected) + " bytes for " + to_string(entry.shape) +
                   " " + std::string(type) + ", header gives " +
                   std::to_string(entry.end - entry.begin));
  }
  return {};
}

/// Sorted by position, each tensor must begin where the previous one ends.
Status check_coverage(std::span<const TensorEntry> tensors, size_t data_bytes) {
  std::vector<const TensorEntry*> order;
  for (const TensorEntry& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const TensorEntry* a, const TensorEntry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  size_t end = 0;
  for (const TensorEntry* entry : order) {
    if (entry->begin != end) {
      return data_loss("tensor " + base::in_quotes(entry->name) + ": begins at byte " +
                       std::to_string(entry->begin) + " of the data, the one before it ends at " +
                       std::to_string(end));
    }
    end = entry->end;
  }
  if (end != data_bytes) {
    return data_loss("tensors take " + std::to_string(end) + " bytes, file has " +
                     std::to_string(data_bytes) + " bytes of data");
  }
  return {};
}

Status sort_by_name(std::vector<TensorEntry>& tensors) {
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorEntry& a, const TensorEntry& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(
      tensors.begin(), tensors.end(),
      [](const TensorEntry& a, const TensorEntry& b) { return a.name == b.name; });
  if (twice == tensors.end()) return {};
  return data_loss("tensor " + base::in_quotes(twice->name) + " appears twice in the header");
}

Result<SafetensorsHeader> parse_checked(std::string_view text, size_t data_bytes) {
  LW_ASSIGN_OR_RETURN(SafetensorsHeader header, parse_safetensors_header(text));
  for (const TensorEntry& entry : header.tensors) {
    LW_RETURN_IF_ERROR(check_size(entry, data_bytes));
  }
  LW_RETURN_IF_ERROR(sort_by_name(header.tensors));
  LW_RETURN_IF_ERROR(check_coverage(header.tensors, data_bytes));
  std::erase_if(header.tensors,
                [](const TensorEntry& entry) { return entry.name.starts_with(kPaddingPrefix); });
  return header;
}

}  // namespace

Result<SafetensorsView> SafetensorsView::parse(std::span<const std::byte> file,
                                               std::string_view label) {
  return base::no_throw([&]() -> Result<SafetensorsView> {
    const Result<std::string_view> text = header_text(file);
    if (!text.ok()) {
      const std::string kind = kind_of_other_file(file);
      const Status status = text.status().with_context(base::in_quotes(label));
      return kind.empty() ? status : data_loss(status.message() + "; it is " + kind);
    }
    SafetensorsView view;
    view.data_ = file.subspan(kLengthBytes + text->size());
    Result<SafetensorsHeader> header = parse_checked(*text, view.data_.size());
    if (!header.ok()) return header.status().with_context(base::in_quotes(label));
    view.metadata_ = std::move(header->metadata);
    for (TensorEntry& entry : header->tensors) {
      (entry.foreign_type.empty() ? view.tensors_ : view.foreign_).push_back(std::move(entry));
    }
    return view;
  });
}

const TensorEntry* SafetensorsView::find(std::string_view name) const noexcept {
  const auto entry =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const TensorEntry& a, std::string_view b) { return a.name < b; });
  return entry != tensors_.end() && entry->name == name ? &*entry : nullptr;
}

TensorView SafetensorsView::view(const TensorEntry& entry) const {
  return {entry.type, data_.data() + entry.begin, entry.shape};
}

bool is_aligned(const TensorView& tensor) noexcept {
  // The alignment of each of these types is its size.
  return reinterpret_cast<uintptr_t>(tensor.data) % size_of(tensor.type) == 0;
}

Result<Tensor> copy_tensor(const TensorView& tensor) {
  return base::no_throw([&]() -> Result<Tensor> {
    const Result<int64_t> count = element_count(tensor.shape);
    if (!count.ok()) return count.status();
    if (static_cast<uint64_t>(*count) > SIZE_MAX / size_of(tensor.type)) {
      return resource_exhausted("shape " + to_string(tensor.shape) + " has too many elements");
    }
    Tensor copy(tensor.type, tensor.shape);
    const size_t bytes = copy.size_bytes();
    if (bytes != 0) std::memcpy(copy.as<std::byte>(), tensor.data, bytes);
    return copy;
  });
}

}  // namespace lanewise::file
