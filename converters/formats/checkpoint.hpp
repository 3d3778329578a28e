#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/limits.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "ops/weights/blocks/block_format.hpp"

namespace lanewise::converters {

/// Memory for a tensor that cannot be read in place. Reused from tensor to tensor.
using Scratch = std::vector<std::byte>;

/// The description of a tensor in a checkpoint.
struct CheckpointTensor {
  std::string name;
  DataType type = DataType::kF32;
  Shape shape;
  /// If not empty: the type of the elements, which DataType lacks; `type` is then kU8, and read()
  /// fails.
  std::string foreign_type = {};
  /// If not null: how the file stores the elements; `type` is then kF32, to which read() unpacks.
  const ops::BlockFormat* blocks = nullptr;
  /// The type in the file, if a computation made this of it; otherwise empty.
  std::string computed_from = {};
  /// Whether the module computes with it but does not train or save it: the constants of an
  /// exported program.
  bool is_constant = false;
};

/// The name of the stored element type, for messages.
std::string_view type_name(const CheckpointTensor& tensor);

/// The elements of a tensor that has `blocks`, whose blocks are `bytes`, unpacked to `scratch`.
TensorView unpack_blocks(const CheckpointTensor& tensor, std::span<const std::byte> bytes,
                         Scratch& scratch);

/// kUnsupported, naming tensor and type.
Status foreign_error(const CheckpointTensor& tensor);

/// Named tensors, whatever files they are in. Immutable, hence thread-safe.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  /// Sorted by name; names are unique.
  virtual std::span<const CheckpointTensor> tensors() const noexcept = 0;

  /// Returns the elements of `tensor`, one of tensors(), dense and row-major: in place, or, if they
  /// are stored compressed or with strides, unpacked into `scratch`. May be misaligned. Valid as
  /// long as the checkpoint and until `scratch` changes.
  virtual Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const = 0;

  /// Returns the elements of `tensor`, which has `blocks`, as stored: rows one after another, each
  /// of whole blocks. In place, or, if the file has the rows in another order, copied to `scratch`.
  /// Valid as long as the checkpoint and until `scratch` changes.
  virtual Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                         Scratch& scratch) const;

  /// Returns the memory of mapped pages that were read so far to the system. What read() returned
  /// stays valid. Call it after each tensor, so that large files do not fill the memory.
  virtual void release_pages() const noexcept {}

  /// Paths of the files that contain the tensors.
  virtual std::span<const std::string> files() const noexcept = 0;

  /// Notes for the user about the files, one line each.
  virtual std::span<const std::string> notes() const noexcept { return {}; }

  /// What the file calls a tensor that is called `name` here, whether or not it has it. For
  /// messages.
  virtual std::string name_in_file(const std::string& name) const { return name; }

  /// Returns null if there is none with that name.
  const CheckpointTensor* find(std::string_view name) const noexcept;
};

/// How a checkpoint is opened; see ConvertOptions.
struct ReadOptions {
  bool ema = false;
  ConvertLimits limits;
};

using OpenCheckpoint = Result<std::unique_ptr<Checkpoint>>(const std::string& path,
                                                           const ReadOptions& options);

/// A checkpoint format (converters/formats.def).
struct Format {
  /// Enough to contain the name of the first file in an archive.
  static constexpr size_t kHeadBytes = 4096;

  std::string_view name;
  /// The files that find() looks for, for messages.
  std::string_view looks_for;
  /// Returns the file in `folder` to open, or "" if none has this format. Fails with
  /// kInvalidArgument, naming the files, if the choice is ambiguous.
  Result<std::string> (*find)(const std::string& folder);
  /// Whether a file that begins with `head`, up to kHeadBytes of it, is of this format.
  bool (*has_content)(std::span<const std::byte> head);
  /// Whether a file with this name claims to have this format.
  bool (*has_name)(std::string_view file_name);
  /// Opens a file; for formats with several files, the one that lists the others.
  OpenCheckpoint* open;
};

#define LW_FORMAT(name) const Format& name##_format();
#include "converters/formats.def"
#undef LW_FORMAT

/// All of formats.def.
std::span<const Format> formats();

/// Calls open(path, options). If the file is damaged, the message says what it is instead, if that
/// can be recognised.
Result<std::unique_ptr<Checkpoint>> open_or_explain(const std::string& path, OpenCheckpoint* open,
                                                    const ReadOptions& options);

/// Opens the checkpoint in a folder. kNotFound lists the files that it looked for;
/// kResourceExhausted if the tensors exceed the limits.
Result<std::unique_ptr<Checkpoint>> open_checkpoint_folder(const std::string& folder,
                                                           const ReadOptions& options = {});
/// Opens a checkpoint file by its content, or else by its name. kDataLoss if its format is unknown;
/// kResourceExhausted if the tensors exceed the limits.
Result<std::unique_ptr<Checkpoint>> open_checkpoint_file(const std::string& path,
                                                         const ReadOptions& options = {});

}  // namespace lanewise::converters
