#pragma once

#include <string>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// Weights that are a function of their name, computed here as in tests/reference, so that no
/// checkpoint has to be kept: uniform numbers of 24 bits in [-1, 1), times `scale`, plus `shift`.
Tensor hashed_tensor(const std::string& name, const Shape& shape, float scale, float shift);

/// All tensors of a file of tests/data.
TensorMap data_tensors(const std::string& name);
/// The path of a file of tests/data.
std::string data_path(const std::string& name);

}  // namespace lanewise::converters
