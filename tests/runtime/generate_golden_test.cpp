// Every search compared with Transformers' generate() on the same table of logits:
// tests/reference/make_search_golden.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/generate/options_json.hpp"
#include "runtime/generate/processors.hpp"
#include "runtime/generate/sampler.hpp"
#include "tests/runtime/generate_table_model.hpp"
#include "tests/test_data.hpp"

namespace lanewise::generate {
namespace {

using Json = nlohmann::json;

// Relative to the magnitude, or 1: sums of up to 30 log-probabilities in f32, in Transformers and
// here.
constexpr double kGenerateGoldenTolerance = 2e-6;

const Json& generate_golden_golden() {
  static const Json json = [] {
    std::ifstream file(test_data_folder() + "/search/golden.json");
    return Json::parse(file, nullptr, /*allow_exceptions=*/false);
  }();
  return json;
}

std::vector<float> logits_behind(const std::vector<int32_t>& tokens, int source) {
  static const auto table =
      generate_golden_golden().at("table").get<std::vector<std::vector<int32_t>>>();
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
         : reason == FinishReason::kStop   ? "stop"
                                           : "other";
}

/// Ends a hypothesis behind one of some sequences, as stop strings do.
class StopSequences final : public StopRule {
 public:
  explicit StopSequences(const Json& stops)
      : stops_(stops.get<std::vector<std::vector<int32_t>>>()) {}

  bool ends(std::span<const int32_t> ids, int32_t token) override {
    std::vector<int32_t> tokens(ids.begin(), ids.end());
    tokens.push_back(token);
    return std::ranges::any_of(stops_, [&](const std::vector<int32_t>& stop) {
      return stop.size() <= tokens.size() &&
             std::equal(stop.rbegin(), stop.rend(), tokens.rbegin());
    });
  }

 private:
  std::vector<std::vector<int32_t>> stops_;
};

GenerationOptions generate_golden_options_of(const Json& json) {
  const auto document = base::parse_json(json.dump(), 1 << 20);
  EXPECT_TRUE(document.ok()) << document.status().message();
  const auto fields = base::JsonFields::of(document->root(), "options");
  EXPECT_TRUE(fields.ok()) << fields.status().message();
  auto options =
      options_from_json(*fields, generate_golden_golden().at("vocabulary").get<int64_t>());
  EXPECT_TRUE(options.ok()) << options.status().message();
  return options.ok() ? *std::move(options) : GenerationOptions();
}

void expect_sequences(std::span<const Hypothesis> found, const Json& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].ids, expected[i].at("ids").get<std::vector<int32_t>>()) << i;
    const auto score = expected[i].at("score").get<double>();
    EXPECT_NEAR(static_cast<double>(found[i].score), score,
                kGenerateGoldenTolerance * std::max(1.0, std::abs(score)))
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
  ASSERT_TRUE(generate_golden_golden().is_object()) << "LANEWISE_TEST_DATA is not tests/data";
  const auto vocabulary = generate_golden_golden().at("vocabulary").get<int64_t>();
  const Json& cases = generate_golden_golden().at("cases");
  ASSERT_GT(cases.size(), 500u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.dump());
    const GenerationOptions options = generate_golden_options_of(one.at("options"));
    StopSequences stops(one.at("stops"));
    const auto prompt = one.at("prompt").get<std::vector<int32_t>>();
    const auto source = one.at("source").get<int>();
    const auto search = make_search(options, GetParam(), vocabulary, prompt, 1000, 0, &stops);
    test::run(*search, prompt, [source](const std::vector<int32_t>& tokens) {
      return logits_behind(tokens, source);
    });
    expect_sequences(search->results(), one.at("sequences"));
  }
}

/// Every token that may be drawn, as often as Transformers' filters leave it.
TEST_P(SearchGoldenTest, DrawsWhatTransformersDraws) {
  constexpr int kDraws = 20000;
  const auto vocabulary = generate_golden_golden().at("vocabulary").get<int64_t>();
  const Json& filters = generate_golden_golden().at("filters");
  ASSERT_GT(filters.size(), 30u);
  for (const Json& one : filters) {
    SCOPED_TRACE(one.dump());
    const GenerationOptions options = generate_golden_options_of(one.at("options"));
    const auto prompt = one.at("prompt").get<std::vector<int32_t>>();
    std::vector<float> row = logits_behind(prompt, 0);
    const Processors processors(options, prompt.size(), 1);
    std::vector<float> memory(processors.memory(prompt.size()));
    processors.apply(prompt, row, 0.0f, memory.data());
    Sampler sampler(options, GetParam(), vocabulary);
    sampler.prepare(row);
    std::map<std::string, double> found;
    for (int i = 0; i < kDraws; ++i) {
      found[std::to_string(sampler.draw((i + 0.5) / kDraws))] += 1.0 / kDraws;
    }
    const Json& expected = one.at("probabilities");
    for (const auto& [id, frequency] : found) ASSERT_TRUE(expected.contains(id)) << id;
    for (const auto& [id, probability] : expected.items()) {
      // Equally spaced numbers in an interval are as many as its length, within 1.
      EXPECT_NEAR(found[id], probability.get<double>(), 1.5 / kDraws + 1e-5) << id;
    }
  }
}

}  // namespace
}  // namespace lanewise::generate
