#pragma once

#include "ops/weights/packed_weight.hpp"

namespace lanewise::converters {

using ops::QuantizedMatrix;
using ops::WeightFormat;

}  // namespace lanewise::converters
