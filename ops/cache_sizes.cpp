#include "ops/cache_sizes.hpp"

#include <unistd.h>

namespace lanewise::ops {
namespace {

size_t read_size(int name, size_t fallback) noexcept {
  const long size = sysconf(name);
  return size > 0 ? static_cast<size_t>(size) : fallback;
}

}  // namespace

const CacheSizes& cache_sizes() noexcept {
  static const CacheSizes kSizes{read_size(_SC_LEVEL1_DCACHE_SIZE, 32 << 10),
                                 read_size(_SC_LEVEL2_CACHE_SIZE, 256 << 10),
                                 read_size(_SC_LEVEL3_CACHE_SIZE, 4 << 20)};
  return kSizes;
}

}  // namespace lanewise::ops
