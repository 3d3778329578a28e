#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lanewise::bench {

/// Memory that no cache holds: 512 MiB, or eight times a last-level cache that is larger than 64
/// MiB. Allocated and written at the first call, because an untouched page would be read from the
/// system's one page of zeros, and kept until the process ends. Aligned to 64 bytes; lies in
/// ordinary pages, as weights in a mapped file do.
std::span<float> far_memory();

/// Copies of one block that fill far_memory(), for reading one after another: when a copy's turn
/// comes again, the caches dropped it long ago.
///
/// The next object takes the place of this one's copies, unless its block is the same.
class FarCopies {
 public:
  explicit FarCopies(std::span<const float> block);

  /// Every copy, each aligned to 64 bytes.
  std::span<const float* const> all() const { return copies_; }

  /// The index of the copy whose turn it is. Goes round through all objects' lives: Google
  /// Benchmark calls a function again with more iterations, and the copies that the last call read
  /// first may still be in a cache.
  size_t next();

 private:
  std::vector<const float*> copies_;
};

/// What one core reads from memory at best, in GB/s, measured once in this process.
double read_bandwidth_gbps();

}  // namespace lanewise::bench
