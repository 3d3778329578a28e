#pragma once

#include <cstdint>

namespace lanewise::test {

/// Counts what any thread of this program allocates with `new` until stop_counting(), which returns
/// the number.
void start_counting();
int64_t stop_counting();

/// Bytes that the program has from `new` now, as they were asked for.
int64_t live_bytes();

enum class Failing {
  kOnce,  ///< one allocation, as where a large block is lacking
  kFrom,  ///< that one and all later ones, as where no memory is left
};

/// Lets the `number`-th allocation from now on fail, on whichever thread it is; 1: the next one.
void start_failing(int64_t number, Failing failing);
enum class Failed {
  kNone,    ///< that many allocations were not reached
  kNull,    ///< only of forms that return null, which a caller may do without
  kThrown,  ///< of one that throws
};
/// What has failed. Allocations succeed again.
Failed stop_failing();

}  // namespace lanewise::test
