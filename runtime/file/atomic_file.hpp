#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "lanewise/status.hpp"
#include "runtime/file/file_descriptor.hpp"
#include "runtime/file/sink.hpp"

struct stat;

namespace lanewise::file {

/// A file that appears under its name complete or not at all.
///
/// Bytes go to a temporary file in the same folder; commit() flushes it to disk and renames it
/// over the destination. Until then, and after any failure, the destination is what it was. The
/// temporary has no name before commit() where the file system can do that, so that nothing remains
/// of it even if the process is killed; elsewhere the destructor removes it. Readers that mapped
/// the old file keep the old bytes.
///
/// What is not a regular file (/dev/null, a pipe) cannot be replaced: it is written to directly.
/// A symbolic link stays, and the file it points to is replaced. A new file gets the permissions
/// that umask leaves, a replaced one keeps its own.
///
/// Move-only. Thread-compatible.
class AtomicFile final : public Sink {
 public:
  /// Fails, naming the path and the reason, when the folder is missing or not writable, when
  /// `path` is a directory, or is a file that may not be written. Waits for the reader where
  /// `path` is a pipe.
  static Result<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile() override;

  /// Appends. Once a write has failed every later call fails as it did.
  Status write(std::span<const std::byte> bytes) override;
  /// Replaces bytes already written, from `offset` on. Fails on pipes.
  Status overwrite(uint64_t offset, std::span<const std::byte> bytes);
  /// Puts the file under its name. Once; nothing can be written afterwards.
  Status commit();

  const std::string& path() const noexcept { return path_; }

 private:
  AtomicFile(std::string path, std::string target) noexcept
      : path_(std::move(path)), target_(std::move(target)) {}

  Status open_direct();
  Status open_temporary(const struct ::stat* existing);
  template <typename Make>
  Status with_temporary_name(const std::string& folder, const Make& make);
  Status publish();
  Status usable() const;
  Status fail(int error);
  void discard() noexcept;

  std::string path_;       // As the caller wrote it, for messages.
  std::string target_;     // path_ with links followed.
  std::string temporary_;  // Its name, empty when it has none.
  bool unnamed_ = false;   // Until commit().

  FileDescriptor file_;
  uint64_t written_ = 0;
  Status failure_;
};

}  // namespace lanewise::file
