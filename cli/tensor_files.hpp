#pragma once

#include <string>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::cli {

/// The tensors of a safetensors file; `-` is stdin. Fails as read_safetensors() does,
/// and with kCancelled when interrupted.
Result<TensorMap> read_tensors(const std::string& path);

}  // namespace lanewise::cli
