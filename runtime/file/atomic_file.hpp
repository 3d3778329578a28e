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

/// A file that appears under its name completely or not at all.
///
/// Bytes are written to a temporary file in the same folder; commit() flushes it to disk and
/// renames it over the destination. Until then, and after any failure, the destination is
/// unchanged. If the file system supports it, the temporary file has no name before commit(), so
/// nothing remains even if the process is killed; otherwise the destructor removes it, or, if the
/// process is killed, the next one that writes there. Readers that mapped the old file keep the
/// old bytes.
///
/// A destination that is not a regular file (/dev/null, a pipe) cannot be replaced and is written
/// to directly. If it is a symbolic link, the file that it points to is replaced. A new file gets
/// the permissions that umask leaves; a replaced file keeps its permissions.
///
/// Move-only. Thread-compatible.
class AtomicFile final : public Sink {
 public:
  /// Fails if the folder is missing or not writable, or if `path` is a directory or a file that may
  /// not be written; the message names the path and the reason. If `path` is a pipe, waits for its
  /// reader.
  static Result<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile() override;

  /// Appends. After a write has failed, all later calls fail in the same way.
  Status write(std::span<const std::byte> bytes) override;
  /// Replaces bytes that have been written, from `offset` on. Fails on pipes.
  Status overwrite(uint64_t offset, std::span<const std::byte> bytes);
  /// Moves the file to its name. May be called once; nothing can be written afterwards.
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
