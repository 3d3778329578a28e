#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace lanewise::converters {

/// SHA-256 as 64 lower-case hexadecimal digits, as recorded by provenance and printed by
/// `sha256sum`. About 250 MB/s. Not for secrets. Source: FIPS 180-4, section 6.2.
class Sha256 {
 public:
  static constexpr size_t kBlockBytes = 64;

  Sha256();
  /// Adds whole blocks: a multiple of kBlockBytes bytes.
  void add_blocks(std::span<const std::byte> bytes);
  /// The hash of all blocks and the last bytes, of any number.
  std::string finish(std::span<const std::byte> last);

 private:
  std::array<uint32_t, 8> state_;
  uint64_t bytes_ = 0;
};

std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace lanewise::converters
