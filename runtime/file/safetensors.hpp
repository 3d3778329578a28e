#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "runtime/file/sink.hpp"

/// The safetensors format: the length of the header (8 bytes, little-endian), a JSON header, and
/// the bytes of the tensors one after another.
/// Source: https://github.com/huggingface/safetensors#format
namespace lanewise::file {

/// The limit of the official library, so that it can open our files.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;
/// Tensors with this prefix are filler between tensors; see write_safetensors().
inline constexpr std::string_view kPaddingPrefix = "__padding__.";

using Metadata = std::map<std::string, std::string, std::less<>>;

/// One tensor of a file; `begin` and `end` count bytes within the data section.
struct TensorEntry {
  std::string name;
  DataType type = DataType::kF32;
  Shape shape;
  size_t begin = 0;
  size_t end = 0;
  std::string foreign_type = {};  ///< in SafetensorsView::foreign(): the type; `type` is unset
};

/// The checked header of a safetensors file. The caller owns the bytes of the file, which must
/// outlive it.
///
/// After parse() every view lies within those bytes. Immutable, hence thread-safe.
class SafetensorsView {
 public:
  /// Checks and indexes `file`, the contents of a whole file. Reads the header but none of the
  /// data. Messages begin with `label`, which is usually the path.
  ///
  /// Fails with kDataLoss for anything that is not a complete safetensors file: tensors must fill
  /// the data section without gap, overlap or remainder, and have the size that type and shape
  /// require. Element types that DataType lacks are not an error, see foreign(). Uses at most a
  /// small multiple of the header's size in memory.
  static Result<SafetensorsView> parse(std::span<const std::byte> file, std::string_view label);

  const Metadata& metadata() const noexcept { return metadata_; }
  /// Sorted by name, without filler.
  std::span<const TensorEntry> tensors() const noexcept { return tensors_; }
  /// Tensors whose elements cannot be read (U16, F8_E4M3, unknown types), sorted by name. They are
  /// not in tensors().
  std::span<const TensorEntry> foreign() const noexcept { return foreign_; }
  /// Returns the entry of tensors() with that name, or null.
  const TensorEntry* find(std::string_view name) const noexcept;
  /// The bytes of an entry of this file. Files of other programs may have them at odd addresses:
  /// check is_aligned() before reading elements.
  TensorView view(const TensorEntry& entry) const;

 private:
  SafetensorsView() = default;

  std::span<const std::byte> data_;
  Metadata metadata_;
  std::vector<TensorEntry> tensors_;
  std::vector<TensorEntry> foreign_;
};

/// Returns whether the elements of `tensor` may be read through a pointer to their type.
/// write_safetensors() guarantees it; files of other programs usually, but not always, allow it.
bool is_aligned(const TensorView& tensor) noexcept;

/// Copies `tensor`, aligned or not, to memory that is aligned for every type.
Result<Tensor> copy_tensor(const TensorView& tensor);

/// A tensor to write. Its bytes need no alignment.
struct SafetensorsInput {
  std::string name;
  TensorView tensor;
};

/// The bytes of a tensor, and what keeps them in memory; a null owner: they are somewhere else.
struct OwnedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

/// A tensor that is made when it is written, so that a file may be larger than memory.
struct DeferredTensor {
  std::string name;
  DataType type = DataType::kF32;
  Shape shape;
  /// Called once, when all tensors before it in the file have been written. Must return as many
  /// bytes as `type` and `shape` say.
  std::function<Result<OwnedBytes>()> make;
};

/// Writes a whole safetensors file to `sink`, tensor by tensor, without copying them. The same
/// input gives the same bytes.
///
/// Every tensor begins at a multiple of `alignment` bytes in the file, and at least of its element
/// size. The format allows no gaps between tensors (the official readers reject such files), and
/// appending zeros to a tensor would change its shape. Alignment is therefore achieved by order:
/// tensors whose size is a multiple of `alignment` come first, in the order given, which should be
/// the order of use. Packed weights are such tensors, since a row of a panel has 64 bytes. The
/// others follow, large elements first. If one of them would leave the next one misaligned, filler
/// is written as a U8 tensor `__padding__.N`, which SafetensorsView skips and other readers list.
/// `alignment` 1 never needs filler and suits files for other programs.
///
/// alignment   a power of two, at most 4096
/// Fails with kInvalidArgument for names that are empty, repeated, reserved or not UTF-8, and for
/// sizes that overflow; with kResourceExhausted for a header above kMaxHeaderBytes; as the sink
/// does.
Status write_safetensors(Sink& sink, const Metadata& metadata,
                         std::span<const SafetensorsInput> tensors, size_t alignment);

/// The same for tensors that are made one at a time. Fails as they do; the sink then has a part of
/// the file.
///
/// checksums  the name of a tensor U8 [tensors, 8] that is written behind the others: the
///            tensor_checksum() of each, in the order of the file (checksums.hpp); empty: none
Status write_deferred(Sink& sink, const Metadata& metadata, std::span<const DeferredTensor> tensors,
                      size_t alignment, const std::string& checksums = "");

}  // namespace lanewise::file
