#pragma once

#include <cstddef>

namespace lanewise::ops {

/// Data caches of one core, in bytes; L3 is shared.
struct CacheSizes {
  size_t l1 = 0;
  size_t l2 = 0;
  size_t l3 = 0;
};

/// As the system reports them, read once; sizes of a small desktop core where it does not.
const CacheSizes& cache_sizes() noexcept;

}  // namespace lanewise::ops
