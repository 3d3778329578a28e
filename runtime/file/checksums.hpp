#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::file {

/// JSON for the metadata of a file: the xxh64() of each tensor's bytes, as 16 hexadecimal digits by
/// its name.
Result<std::string> checksums_json(std::span<const SafetensorsInput> tensors);

/// Compares all tensors of a file with what checksums_json() gave for them. Fails with kDataLoss,
/// naming the first ones: for tensors that differ, that have no checksum, or that are missing.
Status check_checksums(const SafetensorsView& view, std::string_view json);

}  // namespace lanewise::file
