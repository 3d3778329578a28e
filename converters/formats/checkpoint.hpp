#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// What a checkpoint says about one of its tensors.
struct CheckpointTensor {
  std::string name;
  DataType type = DataType::kF32;
  Shape shape;
  /// Not empty: the elements are of this type, which DataType lacks, `type` is kU8, and read()
  /// fails.
  std::string foreign_type = {};
};

/// What messages call the type of the elements.
std::string_view type_name(const CheckpointTensor& tensor);

/// kUnsupported, naming tensor and type.
Status foreign_error(const CheckpointTensor& tensor);

/// Memory for a tensor that its checkpoint cannot show in place. Reused from tensor to tensor.
using Scratch = std::vector<std::byte>;

/// Named tensors, whatever files they stand in. Immutable, hence thread-safe.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  /// In name order, every name once.
  virtual std::span<const CheckpointTensor> tensors() const noexcept = 0;

  /// The elements of `tensor`, one of tensors(), dense and row-major: where they are, or, for
  /// formats that store them compressed or with strides, unpacked into `scratch`. May be
  /// misaligned. Valid as long as the checkpoint and until `scratch` changes.
  virtual Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const = 0;

  /// Paths of the files that the tensors stand in.
  virtual std::span<const std::string> files() const noexcept = 0;

  /// What a person should know of the files, a line each.
  virtual std::span<const std::string> notes() const noexcept { return {}; }

  /// Null when there is none of that name.
  const CheckpointTensor* find(std::string_view name) const noexcept;
};

/// One way to store a checkpoint (converters/formats.def).
struct Format {
  /// Enough for the name of the first file in an archive.
  static constexpr size_t kHeadBytes = 4096;

  std::string_view name;
  /// What find() looks for, for messages.
  std::string_view looks_for;
  /// The file in `folder` to open, or "" when none is of this format. Fails with kInvalidArgument,
  /// naming them, when several could be meant.
  Result<std::string> (*find)(const std::string& folder);
  /// Whether a file that begins with `head`, up to kHeadBytes of it, is of this format.
  bool (*has_content)(std::span<const std::byte> head);
  /// Whether a file of this name claims to be.
  bool (*has_name)(std::string_view file_name);
  /// Opens a file; for formats of several files, the one that lists the others.
  Result<std::unique_ptr<Checkpoint>> (*open)(const std::string& path);
};

#define LW_FORMAT(name) const Format& name##_format();
#include "converters/formats.def"
#undef LW_FORMAT

/// All of formats.def.
std::span<const Format> formats();

/// open(path); of a file that is damaged it says what it is instead, where that can be told.
Result<std::unique_ptr<Checkpoint>> open_or_explain(
    const std::string& path, Result<std::unique_ptr<Checkpoint>> (*open)(const std::string& path));

/// Opens the checkpoint in a folder. kNotFound says which files would do.
Result<std::unique_ptr<Checkpoint>> open_checkpoint_folder(const std::string& folder);
/// Opens a checkpoint file: by its content, else by its name. kDataLoss when it is of no known
/// format.
Result<std::unique_ptr<Checkpoint>> open_checkpoint_file(const std::string& path);

}  // namespace lanewise::converters
