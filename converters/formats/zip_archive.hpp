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
  size_t size = 0;   ///< bytes once unpacked
  size_t index = 0;  ///< its place in the archive
};

/// A zip archive, read-only: .pt and .npz files are such.
///
/// Entries that are stored as they are (torch.save and numpy.savez write them so) are shown where
/// they stand in the mapped file; compressed ones are unpacked.
///
/// Move-only. Thread-safe.
class ZipArchive {
 public:
  /// Reads the directory of the archive at `path`, and no entry. Messages begin with the path.
  ///
  /// Fails with kDataLoss for what is no intact archive, and for names that stand in it twice or
  /// lead out of a folder; kUnsupported for compression other than deflate, and for encryption.
  /// Sizes: a stored entry is as large as in the file; of a compressed one no more is believed
  /// than deflate can do, 1032 bytes for each of its own.
  static Result<ZipArchive> open(const std::string& path);

  ZipArchive(ZipArchive&&) noexcept;
  ZipArchive& operator=(ZipArchive&&) noexcept;
  ~ZipArchive();

  /// In name order, without folders.
  std::span<const ZipEntry> entries() const noexcept;
  /// Null when there is none of that name.
  const ZipEntry* find(std::string_view name) const noexcept;

  /// The bytes of an entry, checked against its CRC: in the mapped file, valid as long as the
  /// archive, or in `scratch`, which is left alone otherwise. A CRC of zero in a stored entry is
  /// none: torch.serialization.set_crc32_options(False) writes such.
  Result<std::span<const std::byte>> read(const ZipEntry& entry, Scratch& scratch) const;
  /// The first `bytes` of it, or fewer if it has no more; not checked.
  Result<Scratch> read_head(const ZipEntry& entry, size_t bytes) const;

 private:
  struct Open;
  explicit ZipArchive(std::unique_ptr<Open> opened) noexcept;

  std::unique_ptr<Open> open_;
};

/// Whether a file that begins with `head` is a zip archive.
bool is_zip(std::span<const std::byte> head);
/// The name of the first entry of an archive that begins with `head`, as far as it stands there.
std::string_view first_zip_entry(std::span<const std::byte> head);

}  // namespace lanewise::converters
