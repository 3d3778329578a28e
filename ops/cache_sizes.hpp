#pragma once

#include <cstddef>

namespace lanewise::ops {

/// Data caches of one core, in bytes; L3 is shared.
struct CacheSizes {
  size_t l1 = 0;
  size_t l2 = 0;
  size_t l3 = 0;
};

/// The sizes that the system reports, read once; if it does not, those of a small desktop core.
const CacheSizes& cache_sizes() noexcept;

}  // namespace lanewise::ops
