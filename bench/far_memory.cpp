#include "bench/far_memory.hpp"

#include <algorithm>
#include <cstring>

#include "bench/floats.hpp"
#include "ops/cache_sizes.hpp"
#include "ops/roofline/read_bandwidth.hpp"

namespace lanewise::bench {
namespace {

constexpr size_t kLineFloats = 64 / sizeof(float);

size_t far_floats() {
  constexpr size_t kLeastBytes = size_t{512} << 20;
  return std::max(kLeastBytes, 8 * ops::cache_sizes().l3) / sizeof(float);
}

bool same(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Fills far_memory() with copies that begin `step` floats apart. Takes tenths of a second, so it
/// is skipped if the block is already there.
void fill(std::span<const float> block, size_t step) {
  static size_t filled_with = 0;  // floats of the block that is there
  const std::span<float> memory = far_memory();
  if (same(block, memory.first(filled_with))) return;
  for (size_t begin = 0; begin + step <= memory.size(); begin += step) {
    std::copy(block.begin(), block.end(), memory.data() + begin);
  }
  filled_with = block.size();
}

}  // namespace

std::span<float> far_memory() {
  static Floats memory(far_floats(), 0.0f);
  return memory;
}

FarCopies::FarCopies(std::span<const float> block) {
  const size_t step = (block.size() + kLineFloats - 1) / kLineFloats * kLineFloats;
  fill(block, step);
  const std::span<const float> memory = far_memory();
  for (size_t begin = 0; begin + step <= memory.size(); begin += step) {
    copies_.push_back(memory.data() + begin);
  }
}

size_t FarCopies::next() {
  static size_t turn = 0;
  turn = (turn + 1) % copies_.size();
  return turn;
}

double read_bandwidth_gbps() {
  // Three rounds, 0.2 seconds in total, because other processes use the memory too.
  static const double kBandwidth = [] {
    double best = 0.0;
    for (int round = 0; round < 3; ++round) {
      best = std::max(best, ops::measure_read_gbps(far_memory()));
    }
    return best;
  }();
  return kBandwidth;
}

}  // namespace lanewise::bench
