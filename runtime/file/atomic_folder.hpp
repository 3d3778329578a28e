#pragma once

#include <string>

#include "lanewise/status.hpp"
#include "runtime/file/file_descriptor.hpp"

namespace lanewise::file {

/// A folder that appears under its name completely or not at all.
///
/// It is made under a temporary name beside its own; commit() renames it. If it is destroyed first,
/// or if that fails, everything in it is removed. What a killed process left is removed by the next
/// one that makes a folder or file there.
///
/// Move-only. Thread-compatible.
class AtomicFolder {
 public:
  /// Fails if `path` exists and is no empty folder, or if its parent is missing or not writable;
  /// the message names the path and the reason.
  static Result<AtomicFolder> create(const std::string& path);

  AtomicFolder(AtomicFolder&&) noexcept;
  AtomicFolder& operator=(AtomicFolder&&) = delete;
  ~AtomicFolder();

  /// Where to write until commit().
  const std::string& path() const noexcept { return temporary_; }
  /// Moves the folder to its name. Call it once.
  Status commit();

 private:
  AtomicFolder() = default;

  std::string target_;
  std::string temporary_;
  FileDescriptor mark_;
};

}  // namespace lanewise::file
