#include "runtime/file/sink.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"

namespace lanewise::file {
namespace {

// Far above any machine's memory and far below where sums of sizes overflow; and the sanitizers'
// allocators end the process for a request of 1 TiB.
constexpr uint64_t kLargest = uint64_t{1} << 39;

Status too_large(uint64_t bytes) {
  return base::no_throw(
      [&] { return resource_exhausted("cannot allocate " + std::to_string(bytes) + " bytes"); });
}

void release(std::byte* data) noexcept {
  ::operator delete (data, std::align_val_t{AlignedBuffer::kAlignment});
}

}  // namespace

Status Sink::reserve(uint64_t) { return {}; }

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

AlignedBuffer::~AlignedBuffer() { release(data_); }

Status AlignedBuffer::reserve(uint64_t bytes) {
  if (bytes <= capacity_) return {};
  if (bytes > kLargest) return too_large(bytes);
  auto* data = static_cast<std::byte*>(
      ::operator new (static_cast<size_t>(bytes), std::align_val_t{kAlignment}, std::nothrow));
  if (data == nullptr) return too_large(bytes);
  if (size_ != 0) std::memcpy(data, data_, size_);
  release(data_);
  data_ = data;
  capacity_ = static_cast<size_t>(bytes);
  return {};
}

Status AlignedBuffer::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() > kLargest - size_) return too_large(bytes.size());
  const uint64_t wanted = size_ + bytes.size();
  if (wanted > capacity_) {
    Status grown = reserve(std::max<uint64_t>(wanted, std::min(2 * capacity_, kLargest)));
    if (!grown.ok()) return grown;
  }
  std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return {};
}

Status MemorySink::reserve(uint64_t bytes) {
  const size_t size = buffer_->bytes().size();
  if (bytes > kLargest - size) return too_large(bytes);
  return buffer_->reserve(size + bytes);
}

}  // namespace lanewise::file
