#include "runtime/file/atomic_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/temporary.hpp"

namespace lanewise::file {
namespace {

namespace fs = std::filesystem;

Status check_free(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return {};
  const bool is_empty = fs::is_directory(status) && fs::is_empty(path, error) && !error;
  if (is_empty) return {};
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
    const std::string above = fs::path(folder.target_).parent_path().string();
    const std::string parent = above.empty() ? "." : above;
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
  if (temporary_.empty()) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
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
