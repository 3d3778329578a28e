#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::file {

/// The checksum of one tensor: that of its bytes and of its name, since a file whose tensors were
/// swapped is damaged too.
uint64_t tensor_checksum(std::string_view name, std::span<const std::byte> bytes) noexcept;

/// The bytes of a checksum in a file, little-endian.
inline constexpr size_t kChecksumBytes = 8;
void append_checksum(uint64_t checksum, std::vector<std::byte>& bytes);

/// Compares all tensors of a file with the checksums in `name`, which write_deferred() put behind
/// them. Fails with kNotFound if there is no such tensor; with kDataLoss, naming the first ones, for
/// tensors that differ, and if there is another number of checksums than of tensors.
Status check_checksums(const SafetensorsView& view, std::string_view name);

}  // namespace lanewise::file
