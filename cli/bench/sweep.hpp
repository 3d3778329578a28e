#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::cli {

/// The values of --sweep; an empty list was not given.
struct Sweep {
  std::vector<std::string> weights;
  std::vector<std::string> isa;
  std::vector<int64_t> threads;
  std::vector<int64_t> batch;
  std::vector<int64_t> length;
};

/// One combination of a sweep; what was not given is empty or 0.
struct SweepPoint {
  std::string weights;
  std::string isa;
  int threads = 0;
  int64_t batch = 0;
  int64_t length = 0;
};

/// Parses `batch=1,8 length=16..512 threads=1,2 weights=f32,int8 isa=avx2`. A range doubles its
/// first number until it reaches the last one, which belongs to it in any case.
///
/// Fails with kInvalidArgument, naming the part, for an unknown or repeated name, a value that is no
/// whole number from 1 to 1,000,000, and for more than 1,000 combinations.
Result<Sweep> parse_sweep(std::span<const std::string> parts);

/// All combinations; `length` changes fastest, then batch, threads, isa, weights. At least one.
std::vector<SweepPoint> combinations(const Sweep& sweep);

}  // namespace lanewise::cli
