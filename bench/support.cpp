#include "bench/support.hpp"

#include <map>
#include <random>

#include "ops/roofline/roofline.hpp"
#include "runtime/plan/memory_plan.hpp"

namespace lanewise::bench {

void Fixture::run() noexcept {
  auto address = reinterpret_cast<uintptr_t>(scratch_.data());
  address = (address + kAlignment - 1) / kAlignment * kAlignment;
  for (const ops::Piece& piece : pieces_) {
    op_->run(operands(), piece, reinterpret_cast<std::byte*>(address));
  }
}

Matrix::Matrix(int64_t rows, int64_t features)
    : rows_(rows),
      features_(features),
      stride_(plan::row_stride(features)),
      data_(random_floats(static_cast<size_t>(rows * stride_))) {}

ops::Operand Matrix::operand() { return {data_.data(), rows_, features_, stride_, nullptr}; }

std::vector<float> random_floats(size_t count) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(generator);
  return values;
}

double peak_gflops(ops::Isa isa) {
  static std::map<ops::Isa, double> peaks;
  const auto it = peaks.find(isa);
  if (it != peaks.end()) return it->second;
  constexpr double kSeconds = 0.3;
  return peaks[isa] = ops::measure_fma_peak_gflops(isa, kSeconds);
}

void report_flops(benchmark::State& state, ops::Isa isa, double flops_per_run) {
  using benchmark::Counter;
  const double giga = flops_per_run * 1e-9;
  state.counters["GFLOP/s"] = Counter(giga, Counter::kIsIterationInvariantRate);
  state.counters["peak"] = Counter(giga / peak_gflops(isa), Counter::kIsIterationInvariantRate);
}

}  // namespace lanewise::bench
