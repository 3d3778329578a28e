#include "converters/gguf/rearranged_checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

bool moves_rows(Rearrangement how) {
  return how == Rearrangement::kPairs || how == Rearrangement::kThirds;
}

/// The row of the file that is row `row` of Transformers' tensor of `rows` rows.
int64_t stored_row(const RearrangedTensor& tensor, int64_t rows, int64_t row) {
  if (tensor.how == Rearrangement::kPairs) {
    const int64_t head_dim = rows / tensor.heads, half = head_dim / 2;
    const int64_t head = row / head_dim, feature = row % head_dim;
    return head * head_dim + 2 * (feature % half) + feature / half;
  }
  if (tensor.how == Rearrangement::kThirds) {
    const int64_t head_dim = rows / (3 * tensor.heads);
    const int64_t head = row / (3 * head_dim), third = row / head_dim % 3;
    return (third * tensor.heads + head) * head_dim + row % head_dim;
  }
  return row;
}

Status check_shape(const RearrangedTensor& tensor, const CheckpointTensor& stored) {
  const Shape& shape = stored.shape;
  const auto wrong = [&](const std::string& expected) {
    return data_loss("tensor " + in_quotes(tensor.stored) + " has the shape " + to_string(shape) +
                     ", expected " + expected);
  };
  if (tensor.how == Rearrangement::kTransposed && shape.size() != 2) return wrong("2 dimensions");
  if (!moves_rows(tensor.how)) return {};
  const int64_t unit = tensor.heads * (tensor.how == Rearrangement::kPairs ? 2 : 3);
  if (shape.empty() || shape[0] % unit != 0) {
    return wrong("a multiple of " + std::to_string(unit) + " rows");
  }
  if (shape.size() < 2 && stored.blocks != nullptr) return wrong("no blocks across its rows");
  return {};
}

class RearrangedCheckpoint final : public Checkpoint {
 public:
  RearrangedCheckpoint(std::unique_ptr<Checkpoint> stored,
                       std::function<std::string(const std::string&)> name_in_file)
      : stored_(std::move(stored)), name_in_file_(std::move(name_in_file)) {}

  Status list(std::vector<RearrangedTensor> tensors) {
    std::ranges::sort(tensors, {}, &RearrangedTensor::name);
    for (RearrangedTensor& tensor : tensors) {
      const CheckpointTensor* stored = stored_->find(tensor.stored);
      if (stored == nullptr) return not_found("tensor " + in_quotes(tensor.stored));
      if (!tensors_.empty() && tensors_.back().name == tensor.name) {
        return data_loss("tensors " + in_quotes(sources_.back().how.stored) + " and " +
                         in_quotes(tensor.stored) + " are both " + in_quotes(tensor.name));
      }
      LW_RETURN_IF_ERROR(check_shape(tensor, *stored));
      tensors_.push_back(listed(tensor, *stored));
      sources_.push_back({stored, std::move(tensor)});
    }
    return {};
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return stored_->files(); }
  std::span<const std::string> notes() const noexcept override { return stored_->notes(); }
  std::string name_in_file(const std::string& name) const override { return name_in_file_(name); }
  void release_pages() const noexcept override { stored_->release_pages(); }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Source* source, source_of(tensor));
    switch (source->how.how) {
      case Rearrangement::kNone:
        return stored_->read(*source->stored, scratch);
      case Rearrangement::kOneAdded:
        return without_one(*source, scratch);
      case Rearrangement::kTransposed:
        return transposed(*source, scratch);
      case Rearrangement::kPairs:
      case Rearrangement::kThirds:
        break;
    }
    return source->stored->blocks == nullptr ? plain_rows(*source, scratch)
                                             : unpacked_rows(*source, scratch);
  }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Source* source, source_of(tensor));
    const CheckpointTensor& listed = tensors_[index_of(*source)];
    if (listed.blocks == nullptr) return Checkpoint::read_blocks(listed, scratch);
    if (!moves_rows(source->how.how)) return stored_->read_blocks(*source->stored, scratch);
    Scratch inner;
    LW_ASSIGN_OR_RETURN(const auto blocks, stored_->read_blocks(*source->stored, inner));
    move_rows(*source, blocks.data(), blocks.size(), scratch);
    return std::span<const std::byte>(scratch);
  }

 private:
  struct Source {
    const CheckpointTensor* stored;
    RearrangedTensor how;
  };

  static CheckpointTensor listed(const RearrangedTensor& tensor, const CheckpointTensor& stored) {
    CheckpointTensor made = stored;
    made.name = tensor.name;
    const bool computed =
        tensor.how == Rearrangement::kOneAdded || tensor.how == Rearrangement::kTransposed;
    if (computed && stored.foreign_type.empty() && is_floating_point(stored.type)) {
      made.computed_from = type_name(stored);
      made.type = DataType::kF32;
      made.blocks = nullptr;
    }
    if (tensor.how == Rearrangement::kTransposed) std::swap(made.shape[0], made.shape[1]);
    return made;
  }

  size_t index_of(const Source& source) const {
    return static_cast<size_t>(&source - sources_.data());
  }

  Result<const Source*> source_of(const CheckpointTensor& tensor) const {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr) return not_found("tensor " + in_quotes(tensor.name));
    if (!found->foreign_type.empty()) return foreign_error(*found);
    return &sources_[static_cast<size_t>(found - tensors_.data())];
  }

  /// Copies `bytes`, all rows of the stored tensor, in Transformers' order.
  static void move_rows(const Source& source, const std::byte* bytes, size_t size,
                        Scratch& scratch) {
    const int64_t rows = source.stored->shape[0];
    scratch.resize(size);
    if (size == 0) return;
    const size_t row_bytes = size / static_cast<size_t>(rows);
    for (int64_t row = 0; row < rows; ++row) {
      const auto from = static_cast<size_t>(stored_row(source.how, rows, row));
      std::memcpy(scratch.data() + static_cast<size_t>(row) * row_bytes, bytes + from * row_bytes,
                  row_bytes);
    }
  }

  Result<TensorView> plain_rows(const Source& source, Scratch& scratch) const {
    Scratch inner;
    LW_ASSIGN_OR_RETURN(const TensorView view, stored_->read(*source.stored, inner));
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(view.shape));
    move_rows(source, static_cast<const std::byte*>(view.data),
              static_cast<size_t>(count) * size_of(view.type), scratch);
    return TensorView{view.type, scratch.data(), view.shape};
  }

  /// Unpacks each row to its place.
  Result<TensorView> unpacked_rows(const Source& source, Scratch& scratch) const {
    const ops::BlockFormat& format = *source.stored->blocks;
    const Shape& shape = source.stored->shape;
    Scratch inner;
    LW_ASSIGN_OR_RETURN(const auto blocks, stored_->read_blocks(*source.stored, inner));
    const size_t count = blocks.size() / static_cast<size_t>(format.bytes);
    const size_t elements = count * static_cast<size_t>(format.elements);
    scratch.resize(elements * sizeof(float));
    if (elements == 0) return TensorView{DataType::kF32, scratch.data(), shape};
    const auto rows = static_cast<size_t>(shape[0]);
    for (size_t row = 0; row < rows; ++row) {
      const auto from =
          static_cast<size_t>(stored_row(source.how, shape[0], static_cast<int64_t>(row)));
      format.unpack(blocks.data() + from * (blocks.size() / rows), count / rows,
                    reinterpret_cast<float*>(scratch.data()) + row * (elements / rows));
    }
    return TensorView{DataType::kF32, scratch.data(), shape};
  }

  Result<TensorView> without_one(const Source& source, Scratch& scratch) const {
    LW_ASSIGN_OR_RETURN(const F32Tensor stored, read_f32(*stored_, *source.stored));
    scratch.resize(stored.values.size_bytes());
    auto* out = reinterpret_cast<float*>(scratch.data());
    for (size_t i = 0; i < stored.values.size(); ++i) out[i] = stored.values[i] - 1.0f;
    return TensorView{DataType::kF32, scratch.data(), source.stored->shape};
  }

  Result<TensorView> transposed(const Source& source, Scratch& scratch) const {
    LW_ASSIGN_OR_RETURN(const F32Tensor stored, read_f32(*stored_, *source.stored));
    scratch.resize(stored.values.size_bytes());
    auto* out = reinterpret_cast<float*>(scratch.data());
    const auto rows = static_cast<size_t>(source.stored->shape[0]);
    const auto columns = static_cast<size_t>(source.stored->shape[1]);
    for (size_t row = 0; row < rows; ++row) {
      for (size_t column = 0; column < columns; ++column) {
        out[column * rows + row] = stored.values[row * columns + column];
      }
    }
    return TensorView{DataType::kF32, scratch.data(), tensors_[index_of(source)].shape};
  }

  std::unique_ptr<Checkpoint> stored_;
  std::function<std::string(const std::string&)> name_in_file_;
  std::vector<CheckpointTensor> tensors_;
  std::vector<Source> sources_;  // for each of tensors_
};

}  // namespace

Result<std::unique_ptr<Checkpoint>> rearrange(
    std::unique_ptr<Checkpoint> stored, std::vector<RearrangedTensor> tensors,
    std::function<std::string(const std::string&)> name_in_file) {
  auto checkpoint =
      std::make_unique<RearrangedCheckpoint>(std::move(stored), std::move(name_in_file));
  LW_RETURN_IF_ERROR(checkpoint->list(std::move(tensors)));
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

}  // namespace lanewise::converters
