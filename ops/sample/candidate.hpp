#pragma once

#include <cstdint>

namespace lanewise::ops {

/// An element of a row of scores.
struct Candidate {
  float value = 0.0f;
  int32_t index = 0;
};

}  // namespace lanewise::ops
