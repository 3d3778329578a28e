#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lanewise::serve {

/// What changes when a file is written or replaced.
struct FileStamp {
  std::string path;
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t bytes = 0;
  int64_t changed_ns = 0;  ///< of the contents, in nanoseconds since 1970

  bool operator==(const FileStamp&) const = default;
};

/// Those of a file, or of all files in a folder and its subfolders, in the order of their paths.
/// Links stand for what they lead to. What cannot be read is missing.
std::vector<FileStamp> file_stamps(const std::string& path);

}  // namespace lanewise::serve
