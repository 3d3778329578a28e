#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lanewise/status.hpp"

namespace lanewise::file {

/// Receives the bytes of a writer in order: AtomicFile on disk, MemorySink in memory.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Appends `bytes`. After a failure the sink's contents are unspecified.
  virtual Status write(std::span<const std::byte> bytes) = 0;

  /// Announces `bytes` more bytes, so that memory grows once instead of by doubling.
  virtual Status reserve(uint64_t bytes);

 protected:
  Sink() = default;
  Sink(Sink&&) = default;
  Sink& operator=(Sink&&) = default;
};

/// Memory that begins at a multiple of kAlignment, like a mapped file, so that kernels can read
/// aligned weights in place. Move-only; moving it does not move its bytes.
class AlignedBuffer {
 public:
  /// The size of a cache line and of an AVX-512 register.
  static constexpr size_t kAlignment = 64;

  AlignedBuffer() noexcept = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer();

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  std::span<std::byte> bytes() noexcept { return {data_, size_}; }

  /// Grows the capacity to at least `bytes`. Invalidates bytes(). Fails with kResourceExhausted.
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
