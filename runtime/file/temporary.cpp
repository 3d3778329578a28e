#include "runtime/file/temporary.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <new>
#include <string_view>

namespace lanewise::file {
namespace {

constexpr std::string_view kPrefix = ".lanewise-";
constexpr std::string_view kSuffix = ".tmp";
/// Between making a file and marking it another process must not take it for abandoned.
constexpr time_t kMinSeconds = 60;

bool is_temporary(std::string_view name) {
  return name.starts_with(kPrefix) && name.ends_with(kSuffix) &&
         name.size() == kPrefix.size() + 16 + kSuffix.size();
}

/// Whether nobody uses it.
bool is_abandoned(const std::string& path) {
  struct stat facts = {};
  if (::lstat(path.c_str(), &facts) != 0 || facts.st_uid != ::geteuid()) return false;
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) return false;
  if (::time(nullptr) - facts.st_mtime < kMinSeconds) return false;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file.valid() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

}  // namespace

Result<std::string> temporary_name(const std::string& folder) {
  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) {
    return io_error("no random number for a temporary file's name");
  }
  std::array<char, 40> name;
  std::snprintf(name.data(), name.size(), "/.lanewise-%016llx.tmp",
                static_cast<unsigned long long>(random));
  return folder + name.data();
}

void mark_in_use(const FileDescriptor& file) noexcept {
  static_cast<void>(::flock(file.get(), LOCK_SH | LOCK_NB));
}

// Not with std::filesystem, whose iterators end the process if memory runs out (libstdc++ 12).
void remove_tree(const std::string& path) noexcept {
  constexpr int kMostOpen = 16;
  const auto remove_one = [](const char* name, const struct stat*, int, struct FTW*) {
    return ::remove(name);
  };
  static_cast<void>(::nftw(path.c_str(), remove_one, kMostOpen, FTW_DEPTH | FTW_PHYS));
}

bool is_empty_folder(const std::string& path) noexcept {
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(path.c_str()));
  if (open == nullptr) return false;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return true;
}

void sweep_temporaries(const std::string& folder) noexcept {
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (open == nullptr) return;
  try {
    while (const dirent* entry = ::readdir(open.get())) {
      if (!is_temporary(entry->d_name)) continue;
      const std::string path = folder + "/" + entry->d_name;
      if (is_abandoned(path)) remove_tree(path);
    }
  } catch (const std::bad_alloc&) {
    return;  // what is left is swept the next time
  }
}

}  // namespace lanewise::file
