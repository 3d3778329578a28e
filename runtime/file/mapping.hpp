#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "lanewise/status.hpp"

namespace lanewise::file {

/// A regular file mapped into memory, read-only.
///
/// Its pages are those of the system's page cache: nothing is copied, and processes that map the
/// same file share them. The mapping survives renaming or removal of the file (AtomicFile replaces
/// files in this way). If the file is truncated in place while it is mapped, reading the lost pages
/// raises SIGBUS; no reader of mapped files can prevent this.
///
/// Move-only; moving the object does not move bytes(). Thread-safe once opened.
class MappedFile {
 public:
  /// Maps the whole of `path`. Fails as open_regular() does.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// The file, beginning at a page boundary.
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// Loads `range`, a part of bytes(), into memory, so that the first run does not fault on each
  /// page. Since Linux 5.14 it returns when the pages are loaded and mapped; on older kernels it
  /// only starts reading. Fails if `range` is not in bytes() or cannot be read from disk. The call
  /// affects only speed.
  Status advise_will_need(std::span<const std::byte> range) const;

  /// Returns the memory of the pages that were read so far to the system; reading them again maps
  /// them again, usually from the page cache. For files that are read once and may be larger than
  /// memory. The call affects only memory and speed.
  void release_pages() const noexcept;

 private:
  MappedFile(const std::byte* data, size_t size) noexcept : data_(data), size_(size) {}
  void unmap() noexcept;

  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace lanewise::file
