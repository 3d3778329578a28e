#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/pickle.hpp"
#include "converters/formats/zip_archive.hpp"
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
  /// Whether it is a TorchScript archive, whose pickle is a module instead of a state dict.
  virtual bool is_script() const noexcept { return false; }
  /// Whether the elements are big-endian.
  virtual bool big_endian() const noexcept = 0;
};

/// The zip format, since PyTorch 1.6: NAME/data.pkl, NAME/data/KEY, NAME/byteorder. The pickle may
/// have `max_pickle_bytes`; `path` is for messages.
Result<std::unique_ptr<PytorchFile>> open_pytorch_zip(ZipArchive archive, const std::string& path,
                                                      int64_t max_pickle_bytes);
/// The legacy format: five pickles, then the storages.
Result<std::unique_ptr<PytorchFile>> open_pytorch_legacy(const std::string& path);
/// The tensors of a file: of its state dict, or of its module.
Result<std::unique_ptr<Checkpoint>> open_pytorch_tensors(std::unique_ptr<PytorchFile> file,
                                                         const std::string& path, bool ema);
/// Whether `head` begins with the magic number of torch.save()'s legacy format.
bool is_pytorch_legacy(std::span<const std::byte> head);

}  // namespace lanewise::converters
