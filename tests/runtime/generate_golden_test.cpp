// Every search compared with Transformers' generate() on the same table of logits:
// tests/reference/make_search_golden.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/generate/options_json.hpp"
#include "tests/runtime/generate_table_model.hpp"
#include "tests/test_data.hpp"

namespace lanewise::generate {
namespace {

using Json = nlohmann::json;

// Relative to the magnitude, or 1: sums of up to 30 log-probabilities in f32, in Transformers and
// here.
constexpr double kTolerance = 2e-6;

const Json& golden() {
  static const Json json = [] {
    std::ifstream file(test_data_folder() + "/search/golden.json");
    return Json::parse(file, nullptr, /*allow_exceptions=*/false);
  }();
  return json;
}

std::vector<float> logits_behind(const std::vector<int32_t>& tokens, int source) {
  static const auto table = golden().at("table").get<std::vector<std::vector<int32_t>>>();
  const int b = tokens.back();
  const int a = tokens.size() > 1 ? tokens[tokens.size() - 2] : 0;
  const std::vector<int32_t>& row =
      table[static_cast<size_t>(31 * a + 17 * b + 13 * source) % table.size()];
  std::vector<float> logits;
  for (const int32_t value : row) logits.push_back(static_cast<float>(value) / 65536.0f);
  return logits;
}

std::string reason_name(FinishReason reason) {
  return reason == FinishReason::kEos      ? "eos"
         : reason == FinishReason::kLength ? "length"
                                           : "other";
}

void expect_sequences(std::span<const Hypothesis> found, const Json& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].ids, expected[i].at("ids").get<std::vector<int32_t>>()) << i;
    const auto score = expected[i].at("score").get<double>();
    EXPECT_NEAR(static_cast<double>(found[i].score), score,
                kTolerance * std::max(1.0, std::abs(score)))
        << i;
    EXPECT_EQ(reason_name(found[i].finish_reason), expected[i].at("reason")) << i;
  }
}

/// The compiled instruction sets that this CPU has.
std::vector<ops::Isa> isas() {
  std::vector<ops::Isa> found;
  for (const ops::Isa isa : ops::all_isas()) {
    if (ops::parent_of(isa) == isa && ops::is_available(isa)) found.push_back(isa);
  }
  return found;
}

class SearchGoldenTest : public ::testing::TestWithParam<ops::Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, SearchGoldenTest, ::testing::ValuesIn(isas()),
                         [](const auto& isa) { return std::string(ops::name_of(isa.param)); });

TEST_P(SearchGoldenTest, FindsWhatTransformersFinds) {
  ASSERT_TRUE(golden().is_object()) << "LANEWISE_TEST_DATA is not tests/data";
  const auto vocabulary = golden().at("vocabulary").get<int64_t>();
  const Json& cases = golden().at("cases");
  ASSERT_GT(cases.size(), 300u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.dump());
    const auto json = base::parse_json(one.at("options").dump(), 1 << 20);
    ASSERT_TRUE(json.ok()) << json.status().message();
    const auto fields = base::JsonFields::of(json->root(), "options");
    ASSERT_TRUE(fields.ok()) << fields.status().message();
    const auto options = options_from_json(*fields, vocabulary);
    ASSERT_TRUE(options.ok()) << options.status().message();
    const auto prompt = one.at("prompt").get<std::vector<int32_t>>();
    const auto source = one.at("source").get<int>();
    const auto search = make_search(*options, GetParam(), vocabulary, prompt, 1000, 0);
    test::run(*search, prompt, [source](const std::vector<int32_t>& tokens) {
      return logits_behind(tokens, source);
    });
    expect_sequences(search->results(), one.at("sequences"));
  }
}

}  // namespace
}  // namespace lanewise::generate
