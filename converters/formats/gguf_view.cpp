#include "converters/formats/gguf_view.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr uint32_t kMaxDims = 4;

// The smallest entries: an empty key with a number of one byte; an empty name without dimensions.
constexpr size_t kLeastEntryBytes = sizeof(uint64_t) + sizeof(uint32_t) + 1;
constexpr size_t kLeastTensorBytes = 2 * sizeof(uint64_t) + 2 * sizeof(uint32_t);

std::string numbered(std::string_view what, uint64_t number) {
  return std::string(what) + " " + std::to_string(number);
}

Status check_count(std::string_view what, uint64_t count, size_t least_bytes, size_t left) {
  if (count <= left / least_bytes) return {};
  return data_loss("claims " + std::to_string(count) + " " + std::string(what) +
                   ", but the file has only " + std::to_string(left) + " more bytes");
}

Result<Shape> read_shape(GgufReader& reader) {
  LW_ASSIGN_OR_RETURN(const uint32_t dims, reader.u32());
  if (dims > kMaxDims) {
    return data_loss("has " + std::to_string(dims) + " dimensions, expected at most " +
                     std::to_string(kMaxDims));
  }
  Shape shape(dims);
  for (uint32_t d = 0; d < dims; ++d) {
    LW_ASSIGN_OR_RETURN(const uint64_t size, reader.u64());
    // Beyond int64_t it is negative, which element_count() refuses.
    shape[dims - 1 - d] = static_cast<int64_t>(size);
  }
  return shape;
}

Result<const GgufTensorType*> read_tensor_type(GgufReader& reader) {
  LW_ASSIGN_OR_RETURN(const uint32_t number, reader.u32());
  const GgufTensorType* type = find_gguf_tensor_type(number);
  if (type == nullptr) {
    return unsupported("has elements of the unknown type " + std::to_string(number));
  }
  if (type->bytes == 0) {
    return unsupported("has elements of type " + in_quotes(type->name) +
                       ", which is no longer in use");
  }
  return type;
}

/// The size of the elements in the file.
Result<size_t> stored_bytes(const Shape& shape, const GgufTensorType& type) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(shape));
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (row % type.elements != 0) {
    return data_loss("has rows of " + std::to_string(row) + " elements, expected a multiple of " +
                     std::to_string(type.elements) + " for type " + std::string(type.name));
  }
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(count / type.elements),
                             static_cast<size_t>(type.bytes), &bytes)) {
    return data_loss("is too large: " + to_string(shape));
  }
  return bytes;
}

/// All but its name. `begin` counts from the first tensor.
Result<GgufTensor> read_tensor(GgufReader& reader, std::string_view name) {
  GgufTensor tensor{name, {}, nullptr, 0, 0};
  LW_ASSIGN_OR_RETURN(tensor.shape, read_shape(reader));
  LW_ASSIGN_OR_RETURN(tensor.type, read_tensor_type(reader));
  LW_ASSIGN_OR_RETURN(tensor.begin, reader.u64());
  LW_ASSIGN_OR_RETURN(tensor.bytes, stored_bytes(tensor.shape, *tensor.type));
  return tensor;
}

}  // namespace

Result<GgufView> GgufView::parse(std::span<const std::byte> file, std::string_view label) {
  GgufView view;
  view.file_ = file;
  GgufReader reader(file);
  const Status status = view.read(reader);
  if (!status.ok()) return status.with_context(in_quotes(label));
  return view;
}

const GgufValue* GgufView::find(std::string_view key) const noexcept {
  const auto found = std::ranges::lower_bound(metadata_, key, {}, &GgufEntry::key);
  return found == metadata_.end() || found->key != key ? nullptr : &found->value;
}

Status GgufView::read(GgufReader& reader) {
  LW_RETURN_IF_ERROR(read_head(reader));
  LW_ASSIGN_OR_RETURN(const uint64_t tensors, reader.u64());
  LW_ASSIGN_OR_RETURN(const uint64_t entries, reader.u64());
  LW_RETURN_IF_ERROR(read_metadata(reader, entries));
  LW_RETURN_IF_ERROR(read_alignment());
  LW_RETURN_IF_ERROR(read_tensors(reader, tensors));
  return place_tensors(reader.position());
}

Status GgufView::read_head(GgufReader& reader) {
  LW_ASSIGN_OR_RETURN(const uint32_t magic, reader.u32());
  if (std::memcmp(&magic, kGgufMagic.data(), kGgufMagic.size()) != 0) {
    return data_loss("does not begin with 'GGUF'");
  }
  LW_ASSIGN_OR_RETURN(version_, reader.u32());
  if (version_ == 2 || version_ == 3) return {};
  // No version needs the upper half.
  if (version_ != 0 && version_ % 0x10000 == 0) {
    return unsupported("is a big-endian GGUF, which is not supported");
  }
  return unsupported("is GGUF version " + std::to_string(version_) + ", expected 2 or 3");
}

Status GgufView::read_metadata(GgufReader& reader, uint64_t count) {
  LW_RETURN_IF_ERROR(check_count("entries of metadata", count, kLeastEntryBytes, reader.left()));
  for (uint64_t i = 0; i < count; ++i) {
    const Result<std::string_view> key = reader.string();
    if (!key.ok()) return key.status().with_context(numbered("the key of metadata", i));
    const Result<GgufValue> value = reader.value();
    if (!value.ok()) return value.status().with_context("metadata " + in_quotes(*key));
    metadata_.push_back({*key, *value});
  }
  std::ranges::sort(metadata_, {}, &GgufEntry::key);
  const auto twice = std::ranges::adjacent_find(metadata_, {}, &GgufEntry::key);
  if (twice == metadata_.end()) return {};
  return data_loss("metadata " + in_quotes(twice->key) + " is there twice");
}

Status GgufView::read_alignment() {
  constexpr std::string_view kKey = "general.alignment";
  const GgufValue* value = find(kKey);
  if (value == nullptr) return {};
  const std::optional<uint64_t> alignment = value->natural();
  if (value->type() != GgufType::kU32 || !alignment || !std::has_single_bit(*alignment)) {
    return data_loss("metadata " + in_quotes(kKey) + ": expected a power of two as u32, found " +
                     (alignment ? std::to_string(*alignment) + " as " : std::string()) +
                     std::string(name_of(value->type())));
  }
  alignment_ = *alignment;
  return {};
}

Status GgufView::read_tensors(GgufReader& reader, uint64_t count) {
  LW_RETURN_IF_ERROR(check_count("tensors", count, kLeastTensorBytes, reader.left()));
  for (uint64_t i = 0; i < count; ++i) {
    const Result<std::string_view> name = reader.string();
    if (!name.ok()) return name.status().with_context(numbered("the name of tensor", i));
    Result<GgufTensor> tensor = read_tensor(reader, *name);
    if (!tensor.ok()) return tensor.status().with_context("tensor " + in_quotes(*name));
    tensors_.push_back(*std::move(tensor));
  }
  std::ranges::sort(tensors_, {}, &GgufTensor::name);
  const auto twice = std::ranges::adjacent_find(tensors_, {}, &GgufTensor::name);
  if (twice == tensors_.end()) return {};
  return data_loss("tensor " + in_quotes(twice->name) + " is there twice");
}

/// Tensors begin at the next multiple of the alignment after the header, and so does each of them.
Status GgufView::place_tensors(size_t header_bytes) {
  const size_t padding = (alignment_ - header_bytes % alignment_) % alignment_;
  const size_t left = file_.size() - header_bytes;
  const size_t available = left < padding ? 0 : left - padding;
  for (GgufTensor& tensor : tensors_) {
    if (tensor.begin % alignment_ != 0) {
      return data_loss("tensor " + in_quotes(tensor.name) + " begins at " +
                       std::to_string(tensor.begin) + ", expected a multiple of " +
                       std::to_string(alignment_));
    }
    if (tensor.begin > available || tensor.bytes > available - tensor.begin) {
      return data_loss("tensor " + in_quotes(tensor.name) + " has " + std::to_string(tensor.bytes) +
                       " bytes at " + std::to_string(tensor.begin) +
                       " of the tensors, but the file has only " + std::to_string(available));
    }
    tensor.begin += header_bytes + std::min(padding, left);
  }
  return check_overlap();
}

/// A file in which tensors share bytes would hold more elements than its size allows.
Status GgufView::check_overlap() const {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : tensors_) {
    if (tensor.bytes > 0) order.push_back(&tensor);
  }
  std::ranges::sort(order, {}, &GgufTensor::begin);
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i]->begin < order[i - 1]->begin + order[i - 1]->bytes) {
      return data_loss("tensors " + in_quotes(order[i - 1]->name) + " and " +
                       in_quotes(order[i]->name) + " overlap");
    }
  }
  return {};
}

}  // namespace lanewise::converters
