#include "converters/pack/kept_weights.hpp"

#include <optional>
#include <span>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "ops/weights/blocks/block_weight.hpp"
#include "ops/weights/kept_weight.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

/// Rows of a tensor of the checkpoint.
struct StoredRows {
  const CheckpointTensor* tensor;
  Shape shape;
  int64_t offset;  // elements before the first one
};

/// Nothing if the checkpoint has no such tensor, or the name stands for a computation.
std::optional<StoredRows> find_rows(const Checkpoint& checkpoint, const TensorParts& parts,
                                    const std::string& name) {
  const auto part = parts.find(name);
  const bool is_part = part != parts.end();
  if (is_part && part->second.compute) return std::nullopt;
  const CheckpointTensor* tensor = checkpoint.find(is_part ? part->second.tensor : name);
  if (tensor == nullptr) return std::nullopt;
  return is_part ? StoredRows{tensor, part->second.shape, part->second.offset}
                 : StoredRows{tensor, tensor->shape, 0};
}

/// The format of f32 if nothing is kept.
WeightFormat format_of(const StoredRows& rows) {
  const CheckpointTensor& tensor = *rows.tensor;
  if (rows.shape.size() != 2 || !tensor.foreign_type.empty()) return WeightFormat::f32;
  const int64_t k = rows.shape[1];
  if (tensor.blocks != nullptr) {
    // Not every format of blocks has one of weights: FP8 has none.
    if (ops::find_block_format(tensor.blocks->name) != tensor.blocks) return WeightFormat::f32;
    const bool has_whole_rows = !tensor.shape.empty() && tensor.shape.back() == k && k > 0 &&
                                k % tensor.blocks->elements == 0 && rows.offset % k == 0;
    return has_whole_rows ? ops::kept_format(*tensor.blocks) : WeightFormat::f32;
  }
  if (tensor.type == DataType::kF16) return WeightFormat::f16;
  return tensor.type == DataType::kBF16 ? WeightFormat::bf16_exact : WeightFormat::f32;
}

/// The format of all, f32 if it keeps nothing; nothing if they differ.
std::optional<WeightFormat> common_format(const Checkpoint& checkpoint, const TensorParts& parts,
                                          const std::vector<std::string>& names) {
  std::optional<WeightFormat> common;
  for (const std::string& name : names) {
    const std::optional<StoredRows> rows = find_rows(checkpoint, parts, name);
    const WeightFormat format = rows ? format_of(*rows) : WeightFormat::f32;
    if (common && *common != format) return std::nullopt;
    common = format;
  }
  return common;
}

/// Before anything is allocated for rows of which a config says how many there are.
Status check_part(const StoredRows& rows) {
  LW_ASSIGN_OR_RETURN(const int64_t all, element_count(rows.tensor->shape));
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(rows.shape));
  if (rows.offset >= 0 && rows.offset <= all && count <= all - rows.offset) return {};
  return invalid_argument("tensor " + in_quotes(rows.tensor->name) + " " +
                          to_string(rows.tensor->shape) + " has no part " + to_string(rows.shape) +
                          " at element " + std::to_string(rows.offset));
}

/// The elements as stored.
Result<const std::byte*> read_stored(const Checkpoint& checkpoint, const CheckpointTensor& tensor,
                                     Scratch& scratch) {
  if (tensor.blocks != nullptr) {
    LW_ASSIGN_OR_RETURN(const auto blocks, checkpoint.read_blocks(tensor, scratch));
    return blocks.data();
  }
  LW_ASSIGN_OR_RETURN(const TensorView view, checkpoint.read(tensor, scratch));
  return view.as<std::byte>();
}

/// Stores rows in those of the weight that `ranges` says.
Status put_rows(const Checkpoint& checkpoint, const StoredRows& rows,
                std::span<const RowRange> ranges, ops::PackedWeight& weight) {
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const std::byte* stored, read_stored(checkpoint, *rows.tensor, scratch));
  // Halves may begin anywhere, blocks only with a row (format_of()).
  stored += ops::kept_row_bytes(weight.format, rows.offset);
  for (const RowRange& range : ranges) {
    ops::put_kept_rows(weight, range.stored, range.count, stored);
    stored += range.count * ops::kept_row_bytes(weight.format, rows.shape[1]);
  }
  return {};
}

}  // namespace

WeightFormat kept_format(const Checkpoint& checkpoint, const TensorParts& parts,
                         const std::vector<std::string>& names) {
  return common_format(checkpoint, parts, names).value_or(WeightFormat::f32);
}

bool keep_alike(const Checkpoint& checkpoint, const TensorParts& parts,
                const std::vector<std::string>& names) {
  return common_format(checkpoint, parts, names).has_value();
}

Result<Shape> kept_shape(const Checkpoint& checkpoint, const TensorParts& parts,
                         const std::vector<std::string>& names) {
  Shape shape;
  for (const std::string& name : names) {
    const StoredRows source = *find_rows(checkpoint, parts, name);
    LW_RETURN_IF_ERROR(check_part(source));
    const Shape& rows = source.shape;
    if (shape.empty()) {
      shape = rows;
    } else if (rows[1] != shape[1]) {
      return invalid_argument("tensor " + in_quotes(name) + " " + to_string(rows) +
                              " cannot be stacked below " + to_string(shape));
    } else {
      shape[0] += rows[0];
    }
  }
  return shape;
}

Result<ops::PackedWeight> pack_kept(const Checkpoint& checkpoint, const TensorParts& parts,
                                    const std::vector<std::string>& names, WeightFormat format,
                                    const MatrixRows& places) {
  LW_ASSIGN_OR_RETURN(const Shape shape, kept_shape(checkpoint, parts, names));
  ops::PackedWeight weight = ops::make_kept_weight(format, places.stored(shape[0]), shape[1]);
  int64_t first = 0;
  for (const std::string& name : names) {
    const StoredRows rows = *find_rows(checkpoint, parts, name);
    const int64_t count = rows.shape[0];
    const auto ranges = places.ranges(shape[0], first, count);
    LW_RETURN_IF_ERROR(put_rows(checkpoint, rows, ranges, weight));
    first += count;
  }
  return weight;
}

}  // namespace lanewise::converters
