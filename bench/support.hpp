#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/floats.hpp"
#include "ops/operator.hpp"

namespace lanewise::bench {

/// An operator with its own operands, run on one thread over all its pieces.
class Fixture {
 public:
  Fixture(ops::OperatorPtr op, std::vector<ops::Operand> inputs, ops::Operand output)
      : op_(std::move(op)), inputs_(std::move(inputs)), output_(output) {
    op_->cut(operands(), 1, pieces_);
    scratch_.resize(op_->scratch_bytes() + kAlignment);
  }

  void run() noexcept;
  /// Can be modified between two runs: its data, but not its number of rows.
  ops::Operand& input(size_t i) { return inputs_[i]; }
  double flops() const { return op_->flops(operands()); }

 private:
  static constexpr size_t kAlignment = 64;
  ops::Operands operands() const { return {inputs_, output_}; }

  ops::OperatorPtr op_;
  std::vector<ops::Operand> inputs_;
  ops::Operand output_;
  std::vector<ops::Piece> pieces_;
  std::vector<std::byte> scratch_;
};

/// A matrix of seeded numbers in [-1, 1) with the row stride that the planner would give it.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t features);
  ops::Operand operand();

 private:
  int64_t rows_;
  int64_t features_;
  int64_t stride_;
  Floats data_;
};

/// Seeded numbers in [-1, 1).
Floats random_floats(size_t count);

/// The type of the functions make_...() of ops/.
using MakeOperator = Result<ops::OperatorPtr> (*)(const ops::OperatorConfig&);

/// Runs an operator whose `inputs` and output are all matrices [rows, dim], and reports elements of
/// the output. `config` needs its ISA, attributes and weights only.
void run_on_rows(benchmark::State& state, MakeOperator make, ops::OperatorConfig config,
                 int64_t rows, int64_t dim, size_t inputs = 1);

/// The instruction sets that this CPU has, worst first.
std::vector<ops::Isa> available_isas();

/// The FMA peak of one core for `isa`, measured once in this process.
double peak_gflops(ops::Isa isa);

/// Adds the counters GFLOP/s and, as a fraction of peak_gflops(), `peak`.
void report_flops(benchmark::State& state, ops::Isa isa, double flops_per_run);

/// Adds the counters Gelement/s and, for `bytes_per_run` read and written, GB/s.
void report_elements(benchmark::State& state, int64_t elements_per_run, int64_t bytes_per_run);

/// Adds the counter `read`: the rate of reading far_memory() as a fraction of
/// read_bandwidth_gbps().
void report_read(benchmark::State& state, int64_t bytes_per_run);

/// Runs the registered benchmarks as BENCHMARK_MAIN() would, and prints how they were built.
/// Returns the result of main().
int run_suite(int argc, char** argv);

}  // namespace lanewise::bench
