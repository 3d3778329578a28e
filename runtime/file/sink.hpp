#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lanewise/status.hpp"

namespace lanewise::file {

/// Where a writer puts its bytes, in order: AtomicFile on disk, MemorySink in memory.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Appends `bytes`. After a failure the sink's contents are unspecified.
  virtual Status write(std::span<const std::byte> bytes) = 0;

  /// Says that `bytes` more bytes will follow, so that memory grows once and not by doubling.
  virtual Status reserve(uint64_t bytes);

 protected:
  Sink() = default;
  Sink(Sink&&) = default;
  Sink& operator=(Sink&&) = default;
};

/// Bytes that begin at a multiple of kAlignment, as in a mapped file: what was written to one can
/// be read in place by kernels that want aligned weights. Move-only; its bytes stay in place when
/// it moves.
class AlignedBuffer {
 public:
  /// A cache line, and a vector register of AVX-512.
  static constexpr size_t kAlignment = 64;

  AlignedBuffer() noexcept = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer();

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  std::span<std::byte> bytes() noexcept { return {data_, size_}; }

  /// Makes room for `bytes` bytes in all. Invalidates bytes(). Fails with kResourceExhausted.
  Status reserve(uint64_t bytes);
  /// Appends; `bytes` must not be part of this buffer. Invalidates bytes().
  Status append(std::span<const std::byte> bytes);

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

/// Writes into a buffer that must outlive it.
class MemorySink final : public Sink {
 public:
  explicit MemorySink(AlignedBuffer& buffer) noexcept : buffer_(&buffer) {}

  Status write(std::span<const std::byte> bytes) override { return buffer_->append(bytes); }
  Status reserve(uint64_t bytes) override;

 private:
  AlignedBuffer* buffer_;
};

}  // namespace lanewise::file
