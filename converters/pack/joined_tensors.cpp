#include "converters/pack/joined_tensors.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

/// What one name in a graph refers to: a tensor of the checkpoint, a part of it, or what is
/// computed from it or from nothing.
struct Source {
  const CheckpointTensor* tensor = nullptr;
  const TensorPart* part = nullptr;

  const Shape& shape() const { return part != nullptr ? part->shape : tensor->shape; }
};

/// Before anything is allocated for elements of which a config says how many there are.
Status check_part(const CheckpointTensor& tensor, const TensorPart& part) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(part.shape));
  LW_ASSIGN_OR_RETURN(const int64_t all, element_count(tensor.shape));
  if (part.offset >= 0 && part.offset <= all && count <= all - part.offset) return {};
  return invalid_argument("tensor " + in_quotes(part.tensor) + " " + to_string(tensor.shape) +
                          " has no part " + to_string(part.shape) + " at element " +
                          std::to_string(part.offset));
}

Result<Source> find_source(const Checkpoint& checkpoint, const TensorParts& parts,
                           const std::string& name) {
  Source source;
  const auto part = parts.find(name);
  if (part != parts.end()) source.part = &part->second;
  const std::string& stored = source.part != nullptr ? source.part->tensor : name;
  if (source.part != nullptr && stored.empty()) return source;  // computed from nothing
  source.tensor = checkpoint.find(stored);
  if (source.tensor == nullptr) return not_found("tensor " + in_quotes(stored) + " is missing");
  if (source.part != nullptr && !source.part->compute) {
    LW_RETURN_IF_ERROR(check_part(*source.tensor, *source.part));
  }
  return source;
}

Result<F32Tensor> compute(F32Tensor from, const TensorPart& part) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(part.shape));
  const auto size = static_cast<size_t>(count);
  auto owned = std::make_unique_for_overwrite<float[]>(size);
  part.compute(from.values, {owned.get(), size});
  const std::span<const float> values(owned.get(), size);
  return F32Tensor{values, std::move(owned)};
}

Result<F32Tensor> read(const Checkpoint& checkpoint, const Source& source) {
  F32Tensor elements;
  if (source.tensor != nullptr) {
    LW_ASSIGN_OR_RETURN(elements, read_f32(checkpoint, *source.tensor));
  }
  if (source.part == nullptr) return elements;
  if (source.part->compute) return compute(std::move(elements), *source.part);
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(source.part->shape));
  elements.values =
      elements.values.subspan(static_cast<size_t>(source.part->offset), static_cast<size_t>(count));
  return elements;
}

/// Stacks `more` below `shape`.
Status stack(const std::string& name, const Shape& more, Shape& shape, bool is_first) {
  if (is_first) {
    shape = more;
    return {};
  }
  if (more.empty() || more.size() != shape.size() ||
      !std::equal(more.begin() + 1, more.end(), shape.begin() + 1)) {
    return invalid_argument("tensor " + in_quotes(name) + " " + to_string(more) +
                            " cannot be stacked below " + to_string(shape));
  }
  shape[0] += more[0];
  return {};
}

}  // namespace

size_t JoinedTensors::size() const {
  size_t total = 0;
  for (const F32Tensor& part : parts) total += part.values.size();
  return total;
}

F32Tensor JoinedTensors::as_one() && {
  if (parts.size() == 1) return std::move(parts.front());
  const size_t total = size();
  auto owned = std::make_unique_for_overwrite<float[]>(total);
  float* out = owned.get();
  for (const F32Tensor& part : parts) out = std::ranges::copy(part.values, out).out;
  const std::span<const float> values(owned.get(), total);
  return {values, std::move(owned)};
}

Result<Shape> joined_shape(const Checkpoint& checkpoint, const TensorParts& parts,
                           const std::vector<std::string>& names) {
  Shape shape;
  for (const std::string& name : names) {
    LW_ASSIGN_OR_RETURN(const Source source, find_source(checkpoint, parts, name));
    LW_RETURN_IF_ERROR(stack(name, source.shape(), shape, &name == &names.front()));
  }
  return shape;
}

Result<JoinedTensors> read_joined(const Checkpoint& checkpoint, const TensorParts& parts,
                                  const std::vector<std::string>& names) {
  JoinedTensors joined;
  LW_ASSIGN_OR_RETURN(joined.shape, joined_shape(checkpoint, parts, names));
  for (const std::string& name : names) {
    LW_ASSIGN_OR_RETURN(const Source source, find_source(checkpoint, parts, name));
    LW_ASSIGN_OR_RETURN(F32Tensor elements, read(checkpoint, source));
    joined.parts.push_back(std::move(elements));
  }
  return joined;
}

JoinedTensors pad(JoinedTensors joined, const MatrixRows& rows) {
  const Shape stored = rows.stored(joined.shape);
  if (stored == joined.shape) return joined;
  const int64_t all = joined.shape[0], columns = joined.shape[1];
  const auto size = static_cast<size_t>(stored[0] * columns);
  auto owned = std::make_unique<float[]>(size);
  int64_t first = 0;
  for (const F32Tensor& part : joined.parts) {
    const int64_t count = columns == 0 ? 0 : std::ssize(part.values) / columns;
    for (const RowRange& range : rows.ranges(all, first, count)) {
      std::copy_n(part.values.data() + (range.stacked - first) * columns, range.count * columns,
                  owned.get() + range.stored * columns);
    }
    first += count;
  }
  JoinedTensors padded;
  padded.shape = stored;
  const std::span<const float> values(owned.get(), size);
  padded.parts.push_back(F32Tensor{values, std::move(owned)});
  return padded;
}

}  // namespace lanewise::converters
