#include "serve/file_stamps.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace lanewise::serve {
namespace {

void add_stamp(std::vector<FileStamp>& stamps, const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  stamps.push_back({.path = path,
                    .device = found.st_dev,
                    .inode = found.st_ino,
                    .bytes = found.st_size,
                    .changed_ns = int64_t{found.st_mtim.tv_sec} * 1'000'000'000 +
                                  int64_t{found.st_mtim.tv_nsec}});
}

}  // namespace

std::vector<FileStamp> file_stamps(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<FileStamp> stamps;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    add_stamp(stamps, path);
    return stamps;
  }
  fs::recursive_directory_iterator one(path, fs::directory_options::skip_permission_denied, error);
  for (; !error && one != fs::recursive_directory_iterator(); one.increment(error)) {
    add_stamp(stamps, one->path().string());
  }
  std::ranges::sort(stamps, {}, &FileStamp::path);
  return stamps;
}

}  // namespace lanewise::serve
