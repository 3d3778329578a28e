#include "runtime/file/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/temporary.hpp"

namespace lanewise::file {
namespace {

// The number of links that Linux follows before it reports ELOOP.
constexpr int kMostLinks = 40;
// With 64 random bits even a second attempt is unlikely.
constexpr int kMostAttempts = 16;
// Linux writes at most 2 GiB less a page in one call; a round smaller number.
constexpr size_t kMostPerCall = size_t{1} << 30;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Follows the chain of links from `path`; the target need not exist.
std::string follow_links(std::string path) {
  std::array<char, PATH_MAX> link;
  for (int i = 0; i < kMostLinks; ++i) {
    const ssize_t length = ::readlink(path.c_str(), link.data(), link.size());
    if (length <= 0 || static_cast<size_t>(length) == link.size()) break;
    const std::string_view next(link.data(), static_cast<size_t>(length));
    path = next.front() == '/' ? "" : folder_of(path).append("/");
    path += next;
  }
  return path;
}

/// The path by which an open file can be linked.
std::string link_of(const FileDescriptor& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

/// A file without a name, which the system removes however the process ends; invalid if the file
/// system does not support it, or without /proc to name it later.
FileDescriptor open_unnamed(const std::string& folder) {
  FileDescriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (file.valid() && ::access(link_of(file).c_str(), F_OK) != 0) file.reset();
  return file;
}

/// write(2) or pwrite(2), by `call(pointer, size)`, until all is written. Returns errno or 0.
template <typename Call>
int write_all(std::span<const std::byte> bytes, Call&& call) {
  while (!bytes.empty()) {
    const ssize_t count = call(bytes.data(), std::min(bytes.size(), kMostPerCall));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return EIO;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return 0;
}

/// Makes the rename itself durable. Best effort: some file systems cannot, and the file is whole
/// under one name or the other in any case.
void sync_folder(const std::string& folder) {
  const FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) static_cast<void>(::fsync(directory.get()));
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  return base::no_throw([&]() -> Result<AtomicFile> {
    if (path.empty() || path.find('\0') != std::string::npos) {
      return base::file_error(StatusCode::kInvalidArgument, "write", path, "not a file name");
    }
    struct stat facts = {};
    const bool exists = ::stat(path.c_str(), &facts) == 0;
    if (!exists && errno != ENOENT) return base::os_error("write", path, errno);
    if (path.back() == '/' || (exists && S_ISDIR(facts.st_mode))) {
      return base::file_error(StatusCode::kInvalidArgument, "write", path, "it is a directory");
    }
    AtomicFile file(path, follow_links(path));
    const bool direct = exists && !S_ISREG(facts.st_mode);
    LW_RETURN_IF_ERROR(direct ? file.open_direct()
                              : file.open_temporary(exists ? &facts : nullptr));
    return file;
  });
}

Status AtomicFile::open_direct() {
  file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  return file_.valid() ? Status() : base::os_error("write", path_, errno);
}

Status AtomicFile::open_temporary(const struct ::stat* existing) {
  // A rename requires only rights on the folder, but a read-only file should not be replaced.
  if (existing != nullptr && ::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0) {
    return base::os_error("write", path_, errno);
  }
  const std::string folder = folder_of(target_);
  file_ = open_unnamed(folder);
  unnamed_ = file_.valid();
  if (!unnamed_) {
    sweep_temporaries(folder);
    LW_RETURN_IF_ERROR(with_temporary_name(folder, [&](const std::string& name) {
      file_ = FileDescriptor(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      return file_.valid();
    }));
    mark_in_use(file_);
  }
  // Best effort: file systems without permissions refuse it.
  if (existing != nullptr) static_cast<void>(::fchmod(file_.get(), existing->st_mode & 0777));
  return {};
}

/// Calls `make(name)` with new names in `folder` until it succeeds or fails for a reason other than
/// an existing name.
template <typename Make>
Status AtomicFile::with_temporary_name(const std::string& folder, const Make& make) {
  for (int i = 0; i < kMostAttempts; ++i) {
    LW_ASSIGN_OR_RETURN(std::string name, temporary_name(folder));
    if (make(name)) {
      temporary_ = std::move(name);
      return {};
    }
    if (errno != EEXIST) break;
  }
  const int error = errno;
  return base::file_error(base::code_of(error), "write", path_,
                          "folder " + base::in_quotes(folder) + ": " + base::reason_of(error));
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept { *this = std::move(other); }

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  target_ = std::move(other.target_);
  temporary_ = std::exchange(other.temporary_, {});
  unnamed_ = other.unnamed_;
  file_ = std::move(other.file_);
  written_ = other.written_;
  failure_ = std::move(other.failure_);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  file_.reset();
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

Status AtomicFile::fail(int error) {
  failure_ = base::os_error("write", path_, error);
  return failure_;
}

Status AtomicFile::usable() const {
  if (!failure_.ok()) return failure_;
  if (!file_.valid()) {
    return base::file_error(StatusCode::kInvalidArgument, "write", path_, "it is already closed");
  }
  return {};
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  return base::no_throw([&]() -> Status {
    LW_RETURN_IF_ERROR(usable());
    const int error = write_all(bytes, [&](const std::byte* data, size_t size) {
      return ::write(file_.get(), data, size);
    });
    if (error != 0) return fail(error);
    written_ += bytes.size();
    return {};
  });
}

Status AtomicFile::overwrite(uint64_t offset, std::span<const std::byte> bytes) {
  return base::no_throw([&]() -> Status {
    LW_RETURN_IF_ERROR(usable());
    if (offset > written_ || bytes.size() > written_ - offset) {
      return base::file_error(StatusCode::kInvalidArgument, "overwrite", path_,
                              "only " + std::to_string(written_) + " bytes are written");
    }
    const int error = write_all(bytes, [&](const std::byte* data, size_t size) {
      const ssize_t count = ::pwrite(file_.get(), data, size, static_cast<off_t>(offset));
      if (count > 0) offset += static_cast<uint64_t>(count);
      return count;
    });
    return error == 0 ? Status() : fail(error);
  });
}

Status AtomicFile::commit() {
  return base::no_throw([&]() -> Status {
    LW_RETURN_IF_ERROR(usable());
    Status published = publish();
    if (!published.ok()) failure_ = published;
    discard();
    return published;
  });
}

Status AtomicFile::publish() {
  const bool direct = !unnamed_ && temporary_.empty();
  const std::string folder = folder_of(target_);  // before the rename: nothing may fail after it
  // Data must be on disk before the name points to it, or a crash leaves an empty file. Devices and
  // pipes have no disk, and refuse with EINVAL.
  if (::fsync(file_.get()) != 0 && !(direct && errno == EINVAL)) {
    return base::os_error("write", path_, errno);
  }
  if (unnamed_) {
    // A link replaces nothing, so the file takes a temporary name first.
    LW_RETURN_IF_ERROR(with_temporary_name(folder, [&](const std::string& name) {
      return ::linkat(AT_FDCWD, link_of(file_).c_str(), AT_FDCWD, name.c_str(),
                      AT_SYMLINK_FOLLOW) == 0;
    }));
  }
  // NFS and quotas may report a full disk only here. EINTR also closes the descriptor.
  if (::close(file_.release()) != 0 && errno != EINTR) return base::os_error("write", path_, errno);
  if (direct) return {};
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return base::os_error("write", path_, errno);
  temporary_.clear();
  sync_folder(folder);
  return {};
}

}  // namespace lanewise::file
