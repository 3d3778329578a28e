#pragma once

#include "lanewise/status.hpp"

namespace lanewise::converters {

inline constexpr auto kInvalid = StatusCode::kInvalidArgument;
inline constexpr auto kUnsupported = StatusCode::kUnsupported;
inline constexpr auto kNotFound = StatusCode::kNotFound;
inline constexpr auto kDataLoss = StatusCode::kDataLoss;

}  // namespace lanewise::converters
