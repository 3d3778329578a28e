#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A file in an archive.
struct ZipEntry {
  std::string name;
  size_t size = 0;   ///< bytes when unpacked
  size_t index = 0;  ///< its index in the archive
};

/// A read-only zip archive, such as .pt and .npz files.
///
/// Uncompressed entries, as torch.save and numpy.savez write them, are read in place in the mapped
/// file; compressed ones are unpacked.
///
/// Move-only. Thread-safe.
class ZipArchive {
 public:
  /// Reads the directory of the archive at `path` but none of its entries. Messages begin with the
  /// path.
  ///
  /// Fails with kDataLoss if the archive is damaged, or if a name appears twice or leads out of a
  /// folder; with kUnsupported for compression other than deflate, and for encryption. Sizes: an
  /// uncompressed entry must be as large as in the file; a compressed one may claim at most what
  /// deflate can produce, 1032 bytes for each of its own.
  static Result<ZipArchive> open(const std::string& path);

  /// The same for an archive in memory, such as an entry of another one. `bytes` must outlive it;
  /// messages begin with `label`.
  static Result<ZipArchive> open(std::span<const std::byte> bytes, const std::string& label);

  ZipArchive(ZipArchive&&) noexcept;
  ZipArchive& operator=(ZipArchive&&) noexcept;
  ~ZipArchive();

  /// Sorted by name, without folders.
  std::span<const ZipEntry> entries() const noexcept;
  /// Returns null if there is none with that name.
  const ZipEntry* find(std::string_view name) const noexcept;

  /// Returns the bytes of an entry, checked against its CRC: in the mapped file, valid as long as
  /// the archive, or in `scratch`, which is otherwise unchanged. A CRC of zero in an uncompressed
  /// entry means none; torch.serialization.set_crc32_options(False) writes it.
  Result<std::span<const std::byte>> read(const ZipEntry& entry, Scratch& scratch) const;
  /// Returns the first `bytes` of it, or fewer if it is shorter; not checked.
  Result<Scratch> read_head(const ZipEntry& entry, size_t bytes) const;
  /// As Checkpoint::release_pages().
  void release_pages() const noexcept;

 private:
  struct Open;
  explicit ZipArchive(std::unique_ptr<Open> opened) noexcept;

  std::unique_ptr<Open> open_;
};

/// Whether a file that begins with `head` is a zip archive.
bool is_zip(std::span<const std::byte> head);
/// The name of the first entry of an archive that begins with `head`, as far as `head` contains it.
std::string_view first_zip_entry(std::span<const std::byte> head);

}  // namespace lanewise::converters
