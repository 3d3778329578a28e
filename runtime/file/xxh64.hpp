#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lanewise::file {

/// The XXH64 checksum of `bytes` with seed 0. It finds damage, not forgery: anybody can make bytes
/// with a given checksum.
/// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
uint64_t xxh64(std::span<const std::byte> bytes) noexcept;

}  // namespace lanewise::file
