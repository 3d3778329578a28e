#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/pickle.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A file written by torch.save(): one pickle, and the storages that it refers to.
///
/// Immutable once opened, hence thread-safe.
class PytorchFile {
 public:
  virtual ~PytorchFile() = default;

  /// Points into the file, which must stay open.
  virtual const Pickle& pickle() const noexcept = 0;
  /// Fails with kDataLoss unless the file has a storage with that key and `bytes` bytes.
  virtual Status check_storage(std::string_view key, size_t bytes) const = 0;
  /// A checked storage's bytes, in the file or in `scratch`.
  virtual Result<std::span<const std::byte>> storage(std::string_view key,
                                                     Scratch& scratch) const = 0;
  /// As Checkpoint::release_pages().
  virtual void release_pages() const noexcept = 0;
  /// Whether the elements are big-endian.
  virtual bool big_endian() const noexcept = 0;
};

/// The zip format, since PyTorch 1.6: NAME/data.pkl, NAME/data/KEY, NAME/byteorder.
Result<std::unique_ptr<PytorchFile>> open_pytorch_zip(const std::string& path);
/// The legacy format: five pickles, then the storages.
Result<std::unique_ptr<PytorchFile>> open_pytorch_legacy(const std::string& path);
/// Whether `head` begins with the magic number of torch.save()'s legacy format.
bool is_pytorch_legacy(std::span<const std::byte> head);

}  // namespace lanewise::converters
