#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "runtime/file/sink.hpp"

/// The safetensors format: 8 bytes of header length (little-endian), a JSON header, and the
/// tensors' bytes one after another.
/// Source: https://github.com/huggingface/safetensors#format
namespace lanewise::file {

/// The official library's limit, which makes ours files that it can open.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;
/// Tensors of this prefix are filler between tensors; see write_safetensors().
inline constexpr std::string_view kPaddingPrefix = "__padding__.";

using Metadata = std::map<std::string, std::string, std::less<>>;

/// One tensor of a file; `begin` and `end` count bytes within the data section.
struct TensorEntry {
  std::string name;
  DataType type = DataType::kF32;
  Shape shape;
  size_t begin = 0;
  size_t end = 0;
  std::string foreign_type = {};  ///< of SafetensorsView::foreign(): the type; `type` means nothing
};

/// The checked header of a safetensors file whose bytes somebody else owns and keeps.
///
/// After parse() every view lies within those bytes. Immutable, hence thread-safe.
class SafetensorsView {
 public:
  /// Checks and indexes `file`, the whole of a file; reads the header and none of the data.
  /// `label`, usually the path, begins each message.
  ///
  /// Fails with kDataLoss for anything that is not a complete safetensors file: tensors must fill
  /// the data section without hole, overlap or remainder, and have as many bytes as type and
  /// shape say. A tensor of elements that DataType lacks is no error, see foreign(). Memory is at
  /// most a small multiple of the header's.
  static Result<SafetensorsView> parse(std::span<const std::byte> file, std::string_view label);

  const Metadata& metadata() const noexcept { return metadata_; }
  /// In name order, without filler.
  std::span<const TensorEntry> tensors() const noexcept { return tensors_; }
  /// Tensors whose elements cannot be read, in name order: U16, F8_E4M3 and whatever a writer made
  /// up. They are not among tensors().
  std::span<const TensorEntry> foreign() const noexcept { return foreign_; }
  /// One of tensors(), null when there is none of that name.
  const TensorEntry* find(std::string_view name) const noexcept;
  /// The bytes of an entry of this file. They stand wherever the file's writer put them, so a
  /// foreign file's may begin at an odd address: ask is_aligned() before reading elements.
  TensorView view(const TensorEntry& entry) const;

 private:
  SafetensorsView() = default;

  std::span<const std::byte> data_;
  Metadata metadata_;
  std::vector<TensorEntry> tensors_;
  std::vector<TensorEntry> foreign_;
};

/// True when elements of `tensor` may be read through a pointer to their type. write_safetensors()
/// guarantees it; other programs' files mostly comply, but need not.
bool is_aligned(const TensorView& tensor) noexcept;

/// Copies `tensor`, aligned or not, into memory of its own, which is aligned for every type.
Result<Tensor> copy_tensor(const TensorView& tensor);

/// A tensor to write. Its bytes need no alignment.
struct SafetensorsInput {
  std::string name;
  TensorView tensor;
};

/// Writes a whole safetensors file to `sink`, tensor by tensor from where they are: no second
/// copy is made. The same input gives the same bytes.
///
/// Every tensor begins at a multiple of `alignment` bytes of the file, and at least of its
/// element's size. The format allows no holes between tensors (the official readers reject the
/// file), and zeros appended to a tensor would show in its shape. So order does it where it can:
/// tensors of whole alignment units (packed weights are: their panels are 64 bytes) come first, in
/// the order given, which should be the order of use; the others follow, large elements first.
/// Where one of those leaves the next misaligned, filler is written as a U8 tensor `__padding__.N`,
/// which SafetensorsView skips and other readers list. With `alignment` 1 there is never any:
/// right for files meant for other programs.
///
/// alignment   a power of two, at most 4096
/// Fails with kInvalidArgument for names that are empty, repeated, reserved or not UTF-8, and
/// sizes that overflow; kResourceExhausted for a header above kMaxHeaderBytes; as the sink fails.
Status write_safetensors(Sink& sink, const Metadata& metadata,
                         std::span<const SafetensorsInput> tensors, size_t alignment);

}  // namespace lanewise::file
