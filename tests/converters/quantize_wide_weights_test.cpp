#include "converters/quantize/wide_weights.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace lanewise::converters {
namespace {

const std::map<std::string, double> kErrors = {
    {"a", 0.1}, {"b", 0.4}, {"c", 0.2}, {"d", 0.0}, {"e", 0.3}};

/// A model whose error is the sum of the errors of its low-precision weights.
double sum_of_narrow(const WideWeights& wide) {
  double sum = 0;
  for (const auto& [name, error] : kErrors) sum += wide.contains(name) ? 0.0 : error;
  return sum + 0.01;
}

TEST(QuantizeWideWeightsTest, AreTheFewestOfTheWorst) {
  const auto choose = [](double max_error) {
    const auto wide = choose_wide_weights(
        kErrors, max_error,
        [](const WideWeights& names) -> Result<double> { return sum_of_narrow(names); });
    EXPECT_TRUE(wide.ok()) << wide.status().message();
    return *wide;
  };
  EXPECT_EQ(choose(2.0), WideWeights());
  EXPECT_EQ(choose(0.7), WideWeights({"b"}));
  EXPECT_EQ(choose(0.5), WideWeights({"b", "e"}));
  EXPECT_EQ(choose(0.2), WideWeights({"b", "c", "e"}));
  EXPECT_EQ(choose(0.02), WideWeights({"a", "b", "c", "e"}));
}

TEST(QuantizeWideWeightsTest, SayWhereNotEvenAllAreEnough) {
  const auto wide = choose_wide_weights(
      kErrors, 0.005,
      [](const WideWeights& names) -> Result<double> { return sum_of_narrow(names); });
  ASSERT_FALSE(wide.ok());
  EXPECT_EQ(wide.status().message(),
            "a relative error of 0.005 cannot be reached: it is 0.01 with all weights as bf16");
}

TEST(QuantizeWideWeightsTest, FailAsMeasuringDoes) {
  const auto wide = choose_wide_weights(
      kErrors, 0.1, [](const WideWeights&) -> Result<double> { return cancelled("stop"); });
  EXPECT_EQ(wide.status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace lanewise::converters
