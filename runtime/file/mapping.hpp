#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "lanewise/status.hpp"

namespace lanewise::file {

/// A regular file mapped into memory, read-only.
///
/// Its pages are those of the system's page cache: nothing is copied, and processes that map the
/// same file share them. The mapping outlives a rename or removal of the file (AtomicFile replaces
/// files that way). A file that somebody shortens in place while it is mapped raises SIGBUS in
/// whoever reads the lost pages; no reader of mapped files can prevent that.
///
/// Move-only; bytes() stays where it is when the object moves. Thread-safe once opened.
class MappedFile {
 public:
  /// Maps the whole of `path`. Fails as open_regular() does.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// The file, beginning at a page boundary.
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// Asks the system to have `range`, a part of bytes(), in memory before it is read, so that the
  /// first run does not stop at each page. Where the kernel can (Linux 5.14) it returns when the
  /// pages are there and mapped; else reading merely begins. Fails if `range` is not in bytes(),
  /// or cannot be read from disk. Skipping the call changes nothing but the time.
  Status advise_will_need(std::span<const std::byte> range) const;

 private:
  MappedFile(const std::byte* data, size_t size) noexcept : data_(data), size_(size) {}
  void unmap() noexcept;

  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace lanewise::file
