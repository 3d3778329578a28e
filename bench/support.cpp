#include "bench/support.hpp"

#include <map>
#include <random>

#include "bench/far_memory.hpp"
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

Floats random_floats(size_t count) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
  Floats values(count);
  for (float& value : values) value = distribution(generator);
  return values;
}

void run_on_rows(benchmark::State& state, MakeOperator make, ops::OperatorConfig config,
                 int64_t rows, int64_t dim, size_t inputs) {
  config.inputs.assign(inputs, {DataType::kF32, dim});
  config.output = {DataType::kF32, dim};
  Result<ops::OperatorPtr> op = make(config);
  if (!op.ok()) return state.SkipWithError(op.status().message().c_str());
  std::vector<Matrix> x(inputs, Matrix(rows, dim));
  std::vector<ops::Operand> operands;
  for (Matrix& matrix : x) operands.push_back(matrix.operand());
  Matrix y(rows, dim);
  Fixture fixture(std::move(op).value(), operands, y.operand());
  for (auto _ : state) fixture.run();
  const int64_t elements = rows * dim;
  report_elements(state, elements, elements * static_cast<int64_t>((inputs + 1) * sizeof(float)));
}

std::vector<ops::Isa> available_isas() {
  std::vector<ops::Isa> available;
  for (const ops::Isa isa : ops::all_isas()) {
    // An instruction set without its own f32 kernels would measure its parent's again.
    if (ops::is_available(isa) && ops::parent_of(isa) == isa) available.push_back(isa);
  }
  return available;
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

void report_elements(benchmark::State& state, int64_t elements_per_run, int64_t bytes_per_run) {
  using benchmark::Counter;
  state.counters["Gelement/s"] =
      Counter(static_cast<double>(elements_per_run) * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["GB/s"] =
      Counter(static_cast<double>(bytes_per_run) * 1e-9, Counter::kIsIterationInvariantRate);
}

void report_read(benchmark::State& state, int64_t bytes_per_run) {
  using benchmark::Counter;
  const double fraction = static_cast<double>(bytes_per_run) * 1e-9 / read_bandwidth_gbps();
  state.counters["read"] = Counter(fraction, Counter::kIsIterationInvariantRate);
}

int run_suite(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("compiler", LANEWISE_BENCH_COMPILER);
  benchmark::AddCustomContext("best instruction set", std::string(ops::name_of(ops::best_isa())));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace lanewise::bench
