#pragma once

#include <string>
#include <string_view>

#include "ops/operator.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::ops {

/// A linear layer whose configuration has been checked.
struct LinearProblem {
  Isa isa = Isa::baseline;
  bool fast = false;
  int64_t k = 0;
  int64_t n = 0;
  Activation activation = Activation::kNone;
  bool has_residual = false;
  Norm norm;                    // of x; the weight's format rounds rows
  WeightPtr weight;             // [n, k]
  const float* bias = nullptr;  // [n] or null
};

/// Either an operator, or the reason why this implementation does not take the problem.
struct LinearOffer {
  OperatorPtr op;
  std::string refusal;
};

/// One way to compute a linear layer. linear.cpp lists them in order of preference; the first that
/// accepts is used, and earlier refusals are logged.
struct LinearImplementation {
  std::string_view name;
  LinearOffer (*offer)(const LinearProblem& problem);
};

/// Our own kernels. Accepts everything.
LinearOffer offer_lanewise_linear(const LinearProblem& problem);

/// oneDNN's matmul (linear_onednn.cpp), or the refusal of a build without oneDNN
/// (linear_onednn_absent.cpp).
LinearOffer offer_onednn_linear(const LinearProblem& problem);

/// The CPUs on which oneDNN computes products of i8 and bf16: those with AMX, where it is faster,
/// or, for tests, all.
enum class OneDnnCpus { kWorthwhile, kAll };

/// The same, for tests: skips the CPU check if `cpus` says so.
LinearOffer offer_onednn_linear_on(const LinearProblem& problem, OneDnnCpus cpus);

/// The block of rows [row, row_end) and features [feature, feature_end).
LinearBlock linear_block(const LinearProblem& problem, const Operands& operands, int64_t row,
                         int64_t row_end, int64_t feature, int64_t feature_end) noexcept;

double linear_flops(const LinearProblem& problem, const Operands& operands) noexcept;

}  // namespace lanewise::ops
