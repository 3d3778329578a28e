#include "runtime/file/xxh64.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace lanewise::file {
namespace {

static_assert(std::endian::native == std::endian::little, "words are little-endian");

// The primes of the specification.
constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87;
constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
constexpr uint64_t kPrime3 = 0x165667B19E3779F9;
constexpr uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
constexpr uint64_t kPrime5 = 0x27D4EB2F165667C5;

constexpr size_t kStripe = 32;  // one word for each of four accumulators

template <typename Word>
uint64_t load(const std::byte* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

uint64_t round(uint64_t accumulator, uint64_t word) {
  return std::rotl(accumulator + word * kPrime2, 31) * kPrime1;
}

uint64_t merge(uint64_t hash, uint64_t accumulator) {
  return (hash ^ round(0, accumulator)) * kPrime1 + kPrime4;
}

/// Whole stripes; removes them from `bytes`.
uint64_t stripes(std::span<const std::byte>& bytes) {
  std::array<uint64_t, 4> sums = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  for (; bytes.size() >= kStripe; bytes = bytes.subspan(kStripe)) {
    for (size_t i = 0; i < sums.size(); ++i) {
      sums[i] = round(sums[i], load<uint64_t>(bytes.data() + 8 * i));
    }
  }
  uint64_t hash = std::rotl(sums[0], 1) + std::rotl(sums[1], 7) + std::rotl(sums[2], 12) +
                  std::rotl(sums[3], 18);
  for (const uint64_t sum : sums) hash = merge(hash, sum);
  return hash;
}

/// The last 31 bytes at most.
uint64_t rest(uint64_t hash, std::span<const std::byte> bytes) {
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    hash = std::rotl(hash ^ round(0, load<uint64_t>(bytes.data())), 27) * kPrime1 + kPrime4;
  }
  if (bytes.size() >= 4) {
    hash = std::rotl(hash ^ load<uint32_t>(bytes.data()) * kPrime1, 23) * kPrime2 + kPrime3;
    bytes = bytes.subspan(4);
  }
  for (const std::byte byte : bytes) {
    hash = std::rotl(hash ^ static_cast<uint64_t>(byte) * kPrime5, 11) * kPrime1;
  }
  return hash;
}

}  // namespace

uint64_t xxh64(std::span<const std::byte> bytes) noexcept {
  const size_t length = bytes.size();
  uint64_t hash = length >= kStripe ? stripes(bytes) : kPrime5;
  hash = rest(hash + length, bytes);
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace lanewise::file
