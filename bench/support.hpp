#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ops/operator.hpp"

namespace lanewise::bench {

/// An operator with operands of its own, run on one thread over all its pieces.
class Fixture {
 public:
  Fixture(ops::OperatorPtr op, std::vector<ops::Operand> inputs, ops::Operand output)
      : op_(std::move(op)), inputs_(std::move(inputs)), output_(output) {
    op_->cut(operands(), 1, pieces_);
    scratch_.resize(op_->scratch_bytes() + kAlignment);
  }

  void run() noexcept;
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
  std::vector<float> data_;
};

/// Seeded numbers in [-1, 1).
std::vector<float> random_floats(size_t count);

/// The FMA peak of one core for `isa`, measured once in this process.
double peak_gflops(ops::Isa isa);

/// Adds the counters GFLOP/s and, as a fraction of peak_gflops(), `peak`.
void report_flops(benchmark::State& state, ops::Isa isa, double flops_per_run);

}  // namespace lanewise::bench
