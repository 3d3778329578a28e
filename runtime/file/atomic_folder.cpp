#include "runtime/file/atomic_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/temporary.hpp"

namespace lanewise::file {
namespace {

Status check_free(const std::string& path) {
  struct stat facts = {};
  if (::lstat(path.c_str(), &facts) != 0 && errno == ENOENT) return {};
  if (S_ISDIR(facts.st_mode) && is_empty_folder(path)) return {};
  return base::file_error(StatusCode::kInvalidArgument, "write", path,
                          "it exists and is not an empty folder");
}

}  // namespace

Result<AtomicFolder> AtomicFolder::create(const std::string& path) {
  return base::no_throw([&]() -> Result<AtomicFolder> {
    AtomicFolder folder;
    folder.target_ = path;
    while (folder.target_.size() > 1 && folder.target_.ends_with('/')) folder.target_.pop_back();
    if (folder.target_.empty() || folder.target_.find('\0') != std::string::npos) {
      return base::file_error(StatusCode::kInvalidArgument, "write", path, "not a folder name");
    }
    LW_RETURN_IF_ERROR(check_free(folder.target_));
    const size_t slash = folder.target_.rfind('/');
    const std::string parent = slash == std::string::npos ? "."
                               : slash == 0               ? "/"
                                                          : folder.target_.substr(0, slash);
    sweep_temporaries(parent);
    LW_ASSIGN_OR_RETURN(std::string name, temporary_name(parent));
    if (::mkdir(name.c_str(), 0777) != 0) return base::os_error("write", path, errno);
    folder.temporary_ = std::move(name);
    folder.mark_ =
        FileDescriptor(::open(folder.temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.mark_.valid()) mark_in_use(folder.mark_);
    return folder;
  });
}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      mark_(std::move(other.mark_)) {}

AtomicFolder::~AtomicFolder() {
  if (!temporary_.empty()) remove_tree(temporary_);
}

Status AtomicFolder::commit() {
  return base::no_throw([&]() -> Status {
    // A rename replaces an empty folder, and nothing else.
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      return base::os_error("write", target_, errno);
    }
    temporary_.clear();
    return {};
  });
}

}  // namespace lanewise::file
