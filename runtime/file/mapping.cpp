#include "runtime/file/mapping.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "runtime/file/file_descriptor.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::file {
namespace {

// Linux 5.14; the C library's headers of older distributions do not name it.
constexpr int kMadvisePopulateRead = 22;

Status check_mappable(const struct stat& facts, const std::string& path) {
  const auto refuse = [&](StatusCode code, std::string_view reason) {
    return file_error(code, "open", path, reason);
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

/// A link to nothing is worth a word: caches of models consist of links, and lose what they lead
/// to.
Status not_opened(const std::string& path, int error) {
  char target[PATH_MAX];
  const ssize_t length = error == ENOENT ? ::readlink(path.c_str(), target, sizeof(target)) : -1;
  if (length < 0) return os_error("open", path, error);
  const std::string_view shown(target, static_cast<size_t>(length));
  return file_error(StatusCode::kNotFound, "open", path,
                    "it is a link to " + in_quotes(shown) + ", which does not exist");
}

/// True when every byte of `inner` is one of `outer`.
bool contains(std::span<const std::byte> outer, std::span<const std::byte> inner) {
  const auto outer_begin = reinterpret_cast<uintptr_t>(outer.data());
  const auto inner_begin = reinterpret_cast<uintptr_t>(inner.data());
  return inner_begin >= outer_begin && inner_begin - outer_begin <= outer.size() &&
         inner.size() <= outer.size() - (inner_begin - outer_begin);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  return no_throw([&]() -> Result<MappedFile> {
    if (path.find('\0') != std::string::npos) return os_error("open", path, ENOENT);
    // O_NONBLOCK: opening a pipe without a writer returns, and is then refused as a pipe.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.valid()) return not_opened(path, errno);
    struct stat facts = {};
    if (::fstat(file.get(), &facts) != 0) return os_error("open", path, errno);
    const Status mappable = check_mappable(facts, path);
    if (!mappable.ok()) return mappable;

    const size_t size = static_cast<size_t>(facts.st_size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED) return os_error("map", path, errno);
    return MappedFile(static_cast<const std::byte*>(data), size);
  });
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  data_ = nullptr;
  size_ = 0;
}

Status MappedFile::advise_will_need(std::span<const std::byte> range) const {
  return no_throw([&]() -> Status {
    if (range.empty()) return {};
    if (!contains(bytes(), range)) {
      return invalid_argument("the range to read ahead is not part of the mapped file");
    }
    // madvise wants a page boundary; data_ is one.
    const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t offset = static_cast<size_t>(range.data() - data_);
    const size_t begin = offset - offset % page;
    std::byte* address = const_cast<std::byte*>(data_) + begin;
    const size_t length = offset - begin + range.size();
    if (::madvise(address, length, kMadvisePopulateRead) == 0) return {};
    if (errno == EINVAL && ::madvise(address, length, MADV_WILLNEED) == 0) return {};
    return os_error("read ahead in", "a mapped file", errno);
  });
}

}  // namespace lanewise::file
