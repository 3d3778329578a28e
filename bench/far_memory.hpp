#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lanewise::bench {

/// Memory that no cache holds: 512 MiB, or eight times a last-level cache that is larger than 64
/// MiB. Allocated and written at the first call, because untouched pages would all be read from the
/// system's zero page; kept until the process ends. Aligned to 64 bytes; in ordinary pages, like
/// weights in a mapped file.
std::span<float> far_memory();

/// Copies of one block that fill far_memory(), to be read one after another: by the time a copy is
/// read again, the caches have dropped it.
///
/// The next object replaces the copies, unless its block is the same.
class FarCopies {
 public:
  explicit FarCopies(std::span<const float> block);

  /// Every copy, each aligned to 64 bytes.
  std::span<const float* const> all() const { return copies_; }

  /// The index of the next copy to read. Continues across objects: Google Benchmark calls a
  /// function again with more iterations, and the copies that the last call read first may still be
  /// in a cache.
  size_t next();

 private:
  std::vector<const float*> copies_;
};

/// The highest read bandwidth of one core from memory, in GB/s, measured once per process.
double read_bandwidth_gbps();

}  // namespace lanewise::bench
