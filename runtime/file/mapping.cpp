#include "runtime/file/mapping.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/regular_file.hpp"

namespace lanewise::file {
namespace {

// Since Linux 5.14; the C library's headers of older distributions lack it.
constexpr int kMadvisePopulateRead = 22;

/// True when every byte of `inner` is one of `outer`.
bool contains(std::span<const std::byte> outer, std::span<const std::byte> inner) {
  const auto outer_begin = reinterpret_cast<uintptr_t>(outer.data());
  const auto inner_begin = reinterpret_cast<uintptr_t>(inner.data());
  return inner_begin >= outer_begin && inner_begin - outer_begin <= outer.size() &&
         inner.size() <= outer.size() - (inner_begin - outer_begin);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  return base::no_throw([&]() -> Result<MappedFile> {
    LW_ASSIGN_OR_RETURN(const RegularFile file, open_regular(path));
    const auto size = static_cast<size_t>(file.size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
    if (data == MAP_FAILED) return base::os_error("map", path, errno);
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
  return base::no_throw([&]() -> Status {
    if (range.empty()) return {};
    if (!contains(bytes(), range)) {
      return invalid_argument("the range to read ahead is not part of the mapped file");
    }
    // madvise requires a page boundary; data_ is one.
    const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t offset = static_cast<size_t>(range.data() - data_);
    const size_t begin = offset - offset % page;
    std::byte* address = const_cast<std::byte*>(data_) + begin;
    const size_t length = offset - begin + range.size();
    if (::madvise(address, length, kMadvisePopulateRead) == 0) return {};
    if (errno == EINVAL && ::madvise(address, length, MADV_WILLNEED) == 0) return {};
    return base::os_error("read ahead in", "a mapped file", errno);
  });
}

void MappedFile::release_pages() const noexcept {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

}  // namespace lanewise::file
