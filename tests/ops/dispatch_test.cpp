// Which kernels each instruction set runs, by the tables and in fact.

#include "ops/dispatch.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "ops/linear/linear.hpp"
#include "ops/linear/linear_list.hpp"
#include "ops/roofline/roofline_kernels.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "tests/ops/breakpoint.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/ops/roofline_table.hpp"

namespace lanewise::ops {

// The tables by the names that the objects of each instruction set give them.
namespace baseline {
extern const LinearKernels linear_kernels;
}
namespace avx2 {
extern const LinearKernels linear_kernels;
}
namespace avx512 {
extern const LinearKernels linear_kernels;
}

namespace {

using test::Breakpoint;
using test::Matrix;

struct TableWithout {};
struct TableWithVnni {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni};
};
struct TableWithBf16 {
  static constexpr Isa kAlsoFor[] = {Isa::avx512bf16};
};
static_assert(kernels_isa<TableWithout>(Isa::baseline) == Isa::baseline);
static_assert(kernels_isa<TableWithout>(Isa::avxvnni) == Isa::avx2);
static_assert(kernels_isa<TableWithout>(Isa::avx512bf16) == Isa::avx512);
static_assert(kernels_isa<TableWithVnni>(Isa::avxvnni) == Isa::avxvnni);
static_assert(kernels_isa<TableWithVnni>(Isa::avx512) == Isa::avx512);
static_assert(kernels_isa<TableWithVnni>(Isa::avx512bf16) == Isa::avx512vnni);
static_assert(kernels_isa<TableWithBf16>(Isa::avx512vnni) == Isa::avx512);
static_assert(kernels_isa<TableWithBf16>(Isa::avx512bf16) == Isa::avx512bf16);

#if LW_HAS_KERNELS_avx2 && LW_HAS_KERNELS_avxvnni && LW_HAS_KERNELS_avx512bf16
TEST(DispatchTest, AnInstructionSetWithoutATableHasItsParents) {
  EXPECT_EQ(&linear_kernels_for(Isa::baseline), &baseline::linear_kernels);
  EXPECT_EQ(&linear_kernels_for(Isa::avx2), &avx2::linear_kernels);
  EXPECT_EQ(&linear_kernels_for(Isa::avxvnni), &avx2::linear_kernels);
  EXPECT_EQ(&linear_kernels_for(Isa::avx512), &avx512::linear_kernels);
  EXPECT_EQ(&linear_kernels_for(Isa::avx512vnni), &avx512::linear_kernels);
  EXPECT_EQ(&linear_kernels_for(Isa::avx512bf16), &avx512::linear_kernels);
}

TEST(DispatchTest, AnInstructionSetThatATableNamesHasItsOwn) {
  EXPECT_EQ(&kernels_for<RooflineKernels>(Isa::avx2), &avx2::roofline_kernels);
  EXPECT_EQ(&kernels_for<RooflineKernels>(Isa::avxvnni), &avxvnni::roofline_kernels);
  EXPECT_EQ(&kernels_for<RooflineKernels>(Isa::avx512vnni), &avx512vnni::roofline_kernels);
  EXPECT_EQ(&kernels_for<RooflineKernels>(Isa::avx512bf16), &avx512bf16::roofline_kernels);
}
#endif  // in builds that have all of them

/// The features that the operating system's kernel found, by its names.
std::vector<std::string> features_of_this_cpu() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

// Not the other way round: an old kernel does not know every feature by name.
TEST(DispatchTest, WhatTheKernelNamesIsAvailable) {
  const struct {
    Isa isa;
    std::vector<std::string> needs;
  } cases[] = {
      {Isa::baseline, {"sse2"}},
      {Isa::avx2, {"avx2", "fma"}},
      {Isa::avxvnni, {"avx2", "fma", "avx_vnni"}},
      {Isa::avx512, {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
      {Isa::avx512vnni, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"}},
      {Isa::avx512bf16,
       {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16"}},
  };
  ASSERT_EQ(std::size(cases), kIsaCount) << "a new instruction set has no line here";
  const std::vector<std::string> features = features_of_this_cpu();
  ASSERT_FALSE(features.empty());
  for (const auto& [isa, needs] : cases) {
    const bool named = std::all_of(needs.begin(), needs.end(), [&](const std::string& need) {
      return std::find(features.begin(), features.end(), need) != features.end();
    });
    const bool compiled = std::ranges::count(all_isas(), isa) == 1;
    EXPECT_TRUE(!named || !compiled || is_available(isa)) << name_of(isa);
  }
}

TEST(DispatchTest, AParentIsAvailableToo) {
  for (const Isa isa : all_isas()) {
    EXPECT_TRUE(!is_available(isa) || is_available(parent_of(isa))) << name_of(isa);
  }
  EXPECT_TRUE(is_available(Isa::baseline));
  EXPECT_TRUE(is_available(best_isa()));
}

std::string available_names() {
  std::string names;
  for (const Isa isa : all_isas()) {
    if (is_available(isa)) names += (names.empty() ? "" : ", ") + std::string(name_of(isa));
  }
  return names;
}

TEST(DispatchTest, WhatCannotRunIsRefusedWithWhatCan) {
  for (const Isa isa : all_isas()) {
    const std::string name(name_of(isa));
    const Result<Isa> found = find_isa(name);
    ASSERT_EQ(found.ok(), is_available(isa)) << name;
    if (found.ok()) {
      EXPECT_EQ(*found, isa);
    } else {
      EXPECT_EQ(found.status().message(), "this CPU cannot run the instruction set '" + name +
                                              "'; available: " + available_names());
    }
  }
  for (const char* name : {"mmx", "", "AVX2", "avx2 "}) {
    const Result<Isa> found = find_isa(name);
    ASSERT_FALSE(found.ok()) << name;
    EXPECT_EQ(found.status().message(), "unknown instruction set '" + std::string(name) +
                                            "'; available: " + available_names());
  }
}

/// y = x w + 0 of [3, 211] by [48, 211]: sums long enough that roundings show.
class ForcedIsaTest : public test::IsaTest {
 protected:
  static constexpr int64_t kInputs = 211;
  static constexpr int64_t kOutputs = 48;

  OperatorPtr make(Isa isa) const {
    OperatorConfig config{.isa = isa};
    config.attributes = {{"activation", std::string("none")}, {"has_residual", false}};
    config.inputs = {{DataType::kF32, kInputs}};
    config.output = {DataType::kF32, kOutputs};
    config.weights["weight"] = {DataType::kF32, weights_.data(), {kOutputs / 16, kInputs, 16}};
    return test::expect_made(make_linear(config));
  }

  Matrix<float> run(Isa isa) const {
    Matrix<float> x = test::random_matrix(3, kInputs, 2);
    Matrix<float> y(3, kOutputs);
    const OperatorPtr op = make(isa);
    if (op == nullptr) return y;
    const Operand inputs[] = {x.operand()};
    test::run_operator(*op, {inputs, y.operand()});
    return y;
  }

 private:
  std::vector<float> weights_ = test::Random(1).floats(kOutputs * kInputs);
};

TEST_P(ForcedIsaTest, RunsTheKernelsOfItsTableAndNoOthers) {
  if (!Breakpoint::possible()) GTEST_SKIP() << "this system protects programs from themselves";
  const std::vector<Isa> compiled = test::isas_with<LinearKernels>();
  std::vector<std::unique_ptr<Breakpoint>> breakpoints;
  for (const Isa of : compiled) {
    breakpoints.push_back(std::make_unique<Breakpoint>(
        reinterpret_cast<const void*>(linear_kernels_for(of).multiply)));
  }
  run(isa());
  for (size_t i = 0; i < compiled.size(); ++i) {
    EXPECT_EQ(breakpoints[i]->hit(), compiled[i] == kernels_isa<LinearKernels>(isa()))
        << "the kernel of " << name_of(compiled[i]) << ", where " << name_of(isa())
        << " was asked for";
  }
}

TEST_P(ForcedIsaTest, GivesTheBitsOfWhereItsKernelsAreFrom) {
  EXPECT_EQ(test::checksum(run(isa())), test::checksum(run(kernels_isa<LinearKernels>(isa()))));
}

TEST_P(ForcedIsaTest, DiffersFromBaselineWhereItHasFma) {
  EXPECT_EQ(test::checksum(run(isa())) != test::checksum(run(Isa::baseline)), test::has_fma(isa()));
}

INSTANTIATE_TEST_SUITE_P(Isas, ForcedIsaTest,
                         ::testing::ValuesIn(all_isas().begin(), all_isas().end()),
                         test::isa_test_name);

}  // namespace
}  // namespace lanewise::ops
