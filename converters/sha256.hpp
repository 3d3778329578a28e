#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lanewise::converters {

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits, as recorded by provenance and printed by
/// `sha256sum`. About 250 MB/s. Not for secrets. Source: FIPS 180-4, section 6.2.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace lanewise::converters
