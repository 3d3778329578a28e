#include "lanewise/cpu.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "lanewise/session.hpp"

namespace lanewise {
namespace {

TEST(Cpu, ListsTheInstructionSetsOfThisBuild) {
  std::vector<std::string> names, available;
  for (const InstructionSet& set : instruction_sets()) {
    names.emplace_back(set.name);
    if (set.available) available.emplace_back(set.name);
    // Its f32 kernels are its own, or those of an earlier one.
    EXPECT_NE(std::find(names.begin(), names.end(), set.f32_kernels), names.end()) << set.name;
  }
  EXPECT_TRUE(std::ranges::equal(names, compiled_isas()));
  EXPECT_TRUE(std::ranges::equal(available, available_isas()));
  const auto kernels = [](std::string_view name) -> std::string_view {
    for (const InstructionSet& set : instruction_sets()) {
      if (set.name == name) return set.f32_kernels;
    }
    return "none";
  };
  EXPECT_EQ(kernels("baseline"), "baseline");
  const bool has_vnni = std::ranges::count(names, "avx512vnni") > 0;  // CMake's LANEWISE_ISAS
  EXPECT_EQ(kernels("avx512vnni"), has_vnni ? "avx512" : "none");
}

TEST(Cpu, ChoosesAnInstructionSetAsASessionDoes) {
  const auto baseline = choose_isa("baseline");
  ASSERT_TRUE(baseline.ok());
  EXPECT_EQ(*baseline, "baseline");
  const auto unknown = choose_isa("avx9000");
  EXPECT_EQ(unknown.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(unknown.status().message().find("'avx9000'"), std::string::npos);
  const char* wanted = std::getenv("LANEWISE_ISA");
  const auto chosen = choose_isa();
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(*chosen, wanted == nullptr ? available_isas().back() : std::string_view(wanted));
}

TEST(Cpu, KnowsItsCaches) {
  const CacheSizes sizes = cache_sizes();
  EXPECT_GE(sizes.l1, 4 << 10);
  EXPECT_GE(sizes.l2, sizes.l1);
  EXPECT_GT(sizes.l3, 0);
}

TEST(Cpu, KnowsWhatWeightsAreMultipliedAs) {
  EXPECT_EQ(arithmetic_of("f32"), Arithmetic::kF32);
  EXPECT_EQ(arithmetic_of("bf16"), Arithmetic::kBf16);
  EXPECT_EQ(arithmetic_of("int8"), Arithmetic::kI8);
  EXPECT_EQ(arithmetic_of("int4"), Arithmetic::kI8);
  EXPECT_EQ(arithmetic_of("q4_k"), Arithmetic::kI8);
  EXPECT_EQ(arithmetic_of("f16"), Arithmetic::kF32);
  EXPECT_EQ(arithmetic_of(""), Arithmetic::kF32);
}

TEST(Cpu, MeasuresItsPeaks) {
  for (const Arithmetic arithmetic : {Arithmetic::kF32, Arithmetic::kI8, Arithmetic::kBf16}) {
    const auto peak = measure_peak_gops("baseline", arithmetic, 0.002);
    ASSERT_TRUE(peak.ok()) << peak.status().message();
    EXPECT_GT(*peak, 0.01);
    EXPECT_TRUE(std::isfinite(*peak));
  }
  const std::vector<float> memory(kLeastReadBytes / sizeof(float), 1.0f);
  const auto rate = measure_read_gbps(memory);
  ASSERT_TRUE(rate.ok()) << rate.status().message();
  EXPECT_GT(*rate, 0.01);
  EXPECT_TRUE(std::isfinite(*rate));
}

TEST(Cpu, RefusesWhatCannotBeMeasured) {
  for (const double seconds : {0.0, -1.0, HUGE_VAL, std::nan("")}) {
    EXPECT_EQ(measure_peak_gops("baseline", Arithmetic::kF32, seconds).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(measure_peak_gops("", Arithmetic::kF32, 0.1).status().code(),
            StatusCode::kInvalidArgument);
  const std::vector<float> memory(kLeastReadBytes / sizeof(float) - 1);
  EXPECT_EQ(measure_read_gbps(memory).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lanewise
