#pragma once

#include <cstdint>

namespace lanewise::generate {

/// A bijection of 64 bits without a visible pattern.
/// Source: the finaliser of SplitMix64; Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195.
constexpr uint64_t mix_bits(uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Returns a multiple of 2^-53 in [0, 1) that depends only on these four arguments. There is no
/// state, so other draws, their order and their threads do not matter.
constexpr double random_number(uint64_t seed, uint64_t sequence, uint64_t sample,
                               uint64_t position) noexcept {
  constexpr uint64_t kStep = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio; odd
  uint64_t bits = mix_bits(seed + kStep);
  // The factor prevents swapping seed and sequence from giving the same number.
  for (const uint64_t word : {sequence, sample, position}) {
    bits = mix_bits(bits * kStep + word);
  }
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace lanewise::generate
