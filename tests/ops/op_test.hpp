#pragma once

/// Shared by the operator tests: one test per instruction set, seeded data, operands that detect
/// stray writes, runs in several divisions and orders, comparison against double precision.
///
/// The operands of a test are computed from integers, without the C library's mathematics, so that
/// a checksum of the result is the same on every machine.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/dispatch.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops::test {

/// Whether LANEWISE_TEST_SMALL requests sizes small enough for an emulated CPU.
bool small_sizes();

/// 0, 1, ..., 2 * 16 + 1: no vector, a part of one, several and a part. Fewer if small_sizes().
std::vector<int64_t> sizes();

/// Whether the kernels of `isa` are compiled with FMA, and so agree bit by bit with others that
/// are.
bool has_fma(Isa isa);

/// The instruction sets that a `Table` of kernels is compiled for.
template <typename Table>
std::vector<Isa> isas_with() {
  std::vector<Isa> isas;
  for (const Isa isa : all_isas()) {
    if (has_kernels<Table>(isa)) isas.push_back(isa);
  }
  return isas;
}

/// For operators that have no kernels.
struct NoKernels {};

/// A suite that runs once per instruction set for which the operator has kernels. (One that uses
/// its parent's would be tested twice; tests/ops/dispatch_test.cpp shows that it does.)
///
///   using AddTest = IsaTest;   // or a class that derives from it
///   TEST_P(AddTest, AddsRows) { ... isa() ... }
///   LW_INSTANTIATE_FOR_ISAS(AddTest, AddKernels);
///
/// The test's name ends in the name of the instruction set: --gtest_filter='*/avx512'. Those that
/// this CPU lacks are skipped.
class IsaTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override;
  Isa isa() const { return GetParam(); }
};

std::string isa_test_name(const ::testing::TestParamInfo<Isa>& info);

#define LW_INSTANTIATE_FOR_ISAS(Suite, Table)                                              \
  INSTANTIATE_TEST_SUITE_P(Isas, Suite,                                                    \
                           ::testing::ValuesIn(::lanewise::ops::test::isas_with<Table>()), \
                           ::lanewise::ops::test::isa_test_name)

/// Numbers from a seed, the same everywhere (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits();
  /// A multiple of 2^-23 in [-1, 1).
  float uniform();
  /// In [0, count).
  int32_t below(int32_t count);
  std::vector<float> floats(size_t count, float scale = 1.0f);

 private:
  uint64_t state_;
};

/// [rows, features] of T, `misalignment` elements after a 64-byte boundary and with `gap` elements
/// between two rows, in memory that is filled with NaN (or a large negative integer) around it and
/// between its rows. Its own elements start with the same value, so that one that is never written
/// shows.
template <typename T>
class Matrix {
  static_assert(sizeof(T) == 4);

 public:
  Matrix(int64_t rows, int64_t features, size_t misalignment = 0, int64_t gap = 0)
      : rows_(rows), features_(features), stride_(features + gap), first_(kGuard + misalignment) {
    const size_t elements = first_ + static_cast<size_t>(rows * stride_) + kGuard;
    lines_.resize((elements + kLine - 1) / kLine);
    for (size_t i = 0; i < size(); ++i) std::memcpy(memory() + i, &kCanary, sizeof(T));
  }

  int64_t rows() const { return rows_; }
  int64_t features() const { return features_; }
  int64_t stride() const { return stride_; }
  T* row(int64_t r) { return memory() + first_ + r * stride_; }
  const T* row(int64_t r) const { return memory() + first_ + r * stride_; }
  T& at(int64_t r, int64_t i) { return row(r)[i]; }
  const T& at(int64_t r, int64_t i) const { return row(r)[i]; }

  /// Values in row order, rows * features of them.
  void fill(std::span<const T> values) {
    ASSERT_EQ(values.size(), static_cast<size_t>(rows_ * features_));
    for (int64_t r = 0; r < rows_; ++r) {
      if (features_ > 0) {
        std::memcpy(row(r), values.data() + r * features_,
                    static_cast<size_t>(features_) * sizeof(T));
      }
    }
  }

  std::vector<T> values() const {
    std::vector<T> all;
    for (int64_t r = 0; r < rows_; ++r) all.insert(all.end(), row(r), row(r) + features_);
    return all;
  }

  /// Whether nothing was written around and between the rows.
  bool guards_intact() const {
    for (size_t i = 0; i < size(); ++i) {
      const auto in_rows = static_cast<int64_t>(i) - static_cast<int64_t>(first_);
      if (in_rows >= 0 && in_rows < rows_ * stride_ && in_rows % stride_ < features_) continue;
      if (std::memcmp(memory() + i, &kCanary, sizeof(T)) != 0) return false;
    }
    return true;
  }

  Operand operand(const RaggedRows* ragged = nullptr) {
    return {row(0), rows_, features_, stride_, ragged};
  }

 private:
  static constexpr size_t kLine = 16;
  static constexpr size_t kGuard = 4 * kLine;
  static constexpr uint32_t kCanary = 0xffcadead;  // a quiet NaN

  /// A vector of these starts at a 64-byte boundary, even when copied.
  struct alignas(64) Line {
    T element[kLine];
  };

  T* memory() { return reinterpret_cast<T*>(lines_.data()); }
  const T* memory() const { return reinterpret_cast<const T*>(lines_.data()); }
  size_t size() const { return lines_.size() * kLine; }

  int64_t rows_;
  int64_t features_;
  int64_t stride_;
  size_t first_;
  std::vector<Line> lines_;
};

/// A matrix of seeded numbers in [-scale, scale).
Matrix<float> random_matrix(int64_t rows, int64_t features, uint64_t seed, float scale = 1.0f,
                            size_t misalignment = 0, int64_t gap = 0);

/// Sequences of these lengths, one after another. Must outlive the result of rows().
class Sequences {
 public:
  Sequences(std::initializer_list<int32_t> lengths);
  explicit Sequences(std::span<const int32_t> lengths);
  RaggedRows rows() const { return {offsets_.data(), count()}; }
  int64_t count() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  int32_t begin(int64_t s) const { return offsets_[static_cast<size_t>(s)]; }
  int32_t end(int64_t s) const { return offsets_[static_cast<size_t>(s) + 1]; }
  int32_t total() const { return offsets_.back(); }

 private:
  std::vector<int32_t> offsets_;
};

/// The operator, or nullptr and a failed test. `made` is what a factory returned.
OperatorPtr expect_made(Result<OperatorPtr> made);

/// Fails the test unless the factory failed with `code` and a message that contains `text`.
void expect_error(const Result<OperatorPtr>& made, StatusCode code, std::string_view text);

/// Runs all pieces into which the operator divides the work for that many threads, on one thread,
/// last piece first if `reversed`. Scratch memory is filled with NaN before each piece.
void run_operator(const Operator& op, const Operands& operands, int threads = 1,
                  bool reversed = false);

/// Runs the operator in several divisions and orders and returns `output`, which all of them must
/// have written, bit by bit, and nothing around it. Not for runs in place.
Matrix<float> run_every_way(const Operator& op, std::span<const Operand> inputs,
                            const Matrix<float>& output, const RaggedRows* ragged = nullptr);

/// Whether each |y - expected| <= tolerance * max(1, |expected|); infinities and NaN must be where
/// they are expected. `expected` is in row order.
::testing::AssertionResult close_to(const Matrix<float>& y, std::span<const double> expected,
                                    double tolerance);

/// The same with a bound for each element.
::testing::AssertionResult within(const Matrix<float>& y, std::span<const double> expected,
                                  std::span<const double> bounds);

/// FNV-1a over the bits of the elements in row order.
uint64_t checksum(const Matrix<float>& y);

/// Fails the test unless the bits of y have this checksum, on instruction sets with FMA: a way to
/// compare instruction sets that no single machine has.
void expect_checksum(Isa isa, const Matrix<float>& y, uint64_t expected);

}  // namespace lanewise::ops::test
