#include "converters/quantize/comparison.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "converters/quantize/quantization_json.hpp"
#include "tests/converters/bundled_model.hpp"

namespace lanewise::converters {
namespace {

TEST(QuantizeComparisonTest, AModelIsEqualToItself) {
  const Model& model = bundled_model();
  const auto samples = make_samples(model, {"transformer", "attention"});
  ASSERT_TRUE(samples.ok());
  const auto comparison = compare(model, model, *samples, 1);
  ASSERT_TRUE(comparison.ok()) << comparison.status().message();
  EXPECT_EQ(comparison->output, "logits");
  EXPECT_EQ(comparison->rows,
            static_cast<int64_t>((*samples)[0].target.size() + (*samples)[1].target.size()));
  EXPECT_NEAR(comparison->mean_cosine, 1.0, 1e-12);
  EXPECT_NEAR(comparison->worst_cosine, 1.0, 1e-12);
  EXPECT_EQ(comparison->relative_error, 0.0);
  EXPECT_EQ(comparison->same_token, 1.0);
}

TEST(QuantizeComparisonTest, RowsAreComparedOneByOne) {
  RowComparison rows;
  const float y[] = {3, 4};
  const float near[] = {3, 3};
  const float zero[] = {0, 0};
  rows.add(y, y, 2);
  rows.add(y, near, 2);
  rows.add(zero, zero, 2);
  const Comparison result = rows.result();
  const double cosine = 21 / (5 * std::sqrt(18.0));
  EXPECT_EQ(result.rows, 3);
  EXPECT_NEAR(result.mean_cosine, (2 + cosine) / 3, 1e-9);
  EXPECT_NEAR(result.worst_cosine, cosine, 1e-9);
  EXPECT_NEAR(result.relative_error, std::sqrt(1.0 / 50), 1e-9);
  EXPECT_NEAR(*result.same_token, 2.0 / 3, 1e-9);
}

TEST(QuantizeComparisonTest, ARowOfZerosIsNotLikeOthers) {
  const float zero[] = {0, 0};
  const float y[] = {3, 4};
  for (const bool zero_first : {true, false}) {
    RowComparison rows;
    rows.add(zero_first ? zero : y, zero_first ? y : zero, 2);
    EXPECT_EQ(rows.result().mean_cosine, 0.0) << zero_first;
  }
}

TEST(QuantizeComparisonTest, WhatIsNotFiniteIsAsWrongAsCanBe) {
  RowComparison rows;
  const float y[] = {3, 4};
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), 4};
  rows.add(y, bad, 2);
  EXPECT_EQ(rows.result().worst_cosine, -1.0);
  EXPECT_TRUE(std::isinf(rows.result().relative_error));
  RowComparison others;  // f32 itself gives what is not finite
  others.add(bad, bad, 2);
  others.add(y, y, 2);
  EXPECT_EQ(others.result().worst_cosine, -1.0);
  EXPECT_TRUE(std::isinf(others.result().relative_error));
}

TEST(QuantizeComparisonTest, IsALineForPeople) {
  Comparison comparison{"logits", 7, 0.99951, 0.998, 0.03128, 0.9875};
  EXPECT_EQ(to_text(comparison),
            "logits, 7 rows: cosine to f32 0.99951 on average, 0.99800 at worst; relative error "
            "0.0313; the same most likely token in 98.75 %");
}

TEST(QuantizationJsonTest, HoldsWhatWasDoneAndWhatItChanged) {
  QuantizationRecord record{"int4", 32, "texts\xFF.txt", {"a.weight"}, "int8", std::nullopt};
  const auto plain = nlohmann::json::parse(to_json(record));
  EXPECT_EQ(plain["weights"], "int4");
  EXPECT_EQ(plain["group"], 32);
  EXPECT_EQ(plain["calibration"], "texts\xEF\xBF\xBD.txt");
  EXPECT_EQ(plain["wide"], nlohmann::json::array({"a.weight"}));
  EXPECT_EQ(plain["wide_type"], "int8");
  EXPECT_FALSE(plain.contains("output"));
  record.result = Comparison{"logits", 7, 0.9995, 0.998, 0.03125, 0.9875};
  const auto measured = nlohmann::json::parse(to_json(record));
  EXPECT_EQ(measured["output"], "logits");
  EXPECT_EQ(measured["relative_error"], 0.03125);
  EXPECT_EQ(measured["same_token"], 0.9875);
}

}  // namespace
}  // namespace lanewise::converters
