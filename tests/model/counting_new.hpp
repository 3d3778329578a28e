#pragma once

#include <cstdint>

namespace lanewise::test {

/// Counts what any thread of this program allocates with `new` until stop_counting(), which returns
/// the number.
void start_counting();
int64_t stop_counting();

}  // namespace lanewise::test
