#include "runtime/file/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <limits>
#include <string_view>
#include <vector>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"

namespace lanewise::file {
namespace {

// Large enough that a system call costs nothing beside the copy.
constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

Status check_regular(const struct stat& facts, const std::string& path) {
  const auto refuse = [&](StatusCode code, std::string_view reason) {
    return base::file_error(code, "open", path, reason);
  };
  if (S_ISDIR(facts.st_mode)) return refuse(StatusCode::kInvalidArgument, "it is a directory");
  if (!S_ISREG(facts.st_mode)) {
    return refuse(StatusCode::kInvalidArgument, "it is not a regular file");
  }
  if (facts.st_size <= 0) return refuse(StatusCode::kDataLoss, "it is empty");
  if (static_cast<uint64_t>(facts.st_size) > std::numeric_limits<size_t>::max()) {
    return refuse(StatusCode::kResourceExhausted, "it does not fit in the address space");
  }
  return {};
}

/// A dangling link deserves its own message: model caches consist of links and may lose the
/// targets.
Status not_opened(const std::string& path, int error) {
  char target[PATH_MAX];
  const ssize_t length = error == ENOENT ? ::readlink(path.c_str(), target, sizeof(target)) : -1;
  if (length < 0) return base::os_error("open", path, error);
  const std::string_view shown(target, static_cast<size_t>(length));
  return base::file_error(StatusCode::kNotFound, "open", path,
                          "it is a link to " + base::in_quotes(shown) + ", which does not exist");
}

/// Reads up to `size` bytes; fewer at the end of the file. -1 with errno for a failure.
ssize_t read_some(const FileDescriptor& file, std::byte* to, uint64_t size) {
  ssize_t count = 0;
  do {
    count = ::read(file.get(), to, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace

Result<RegularFile> open_regular(const std::string& path) {
  if (path.find('\0') != std::string::npos) return base::os_error("open", path, ENOENT);
  // With O_NONBLOCK, opening a pipe without a writer returns, and the pipe is then rejected.
  RegularFile file{
      FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
  if (!file.descriptor.valid()) return not_opened(path, errno);
  struct stat facts = {};
  if (::fstat(file.descriptor.get(), &facts) != 0) return base::os_error("open", path, errno);
  LW_RETURN_IF_ERROR(check_regular(facts, path));
  file.size = static_cast<uint64_t>(facts.st_size);
  return file;
}

Result<AlignedBuffer> read_regular(const std::string& path) {
  return base::no_throw([&]() -> Result<AlignedBuffer> {
    LW_ASSIGN_OR_RETURN(const RegularFile file, open_regular(path));
    AlignedBuffer buffer;
    LW_RETURN_IF_ERROR(buffer.reserve(file.size));
    std::vector<std::byte> chunk(std::min(file.size, kChunkBytes));
    for (uint64_t left = file.size; left > 0;) {
      const ssize_t count =
          read_some(file.descriptor, chunk.data(), std::min<uint64_t>(left, chunk.size()));
      if (count < 0) return base::os_error("read", path, errno);
      if (count == 0) {
        return base::file_error(StatusCode::kDataLoss, "read", path,
                                "it was truncated while being read");
      }
      const auto bytes = static_cast<uint64_t>(count);
      LW_RETURN_IF_ERROR(buffer.append({chunk.data(), bytes}));
      left -= bytes;
    }
    return buffer;
  });
}

}  // namespace lanewise::file
