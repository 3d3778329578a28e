// Which tokens may be drawn, how often, and that only seed, sequence, sample and position determine
// it.

#include "runtime/generate/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <thread>

#include "runtime/generate/random.hpp"
#include "tests/runtime/generate_table_model.hpp"

namespace lanewise::generate {
namespace {

constexpr float kGenerateSamplerForbidden = -std::numeric_limits<float>::infinity();

std::vector<float> random_scores(size_t vocabulary, uint32_t seed, float spread) {
  std::mt19937 random(seed);
  std::vector<float> scores(vocabulary);
  for (float& score : scores) score = spread * static_cast<float>(random() % 100000) / 100000.0f;
  return scores;
}

/// The probability of each token by the definition: temperature, top_k, top_p, min_p, in double.
std::map<int32_t, double> reference(const std::vector<float>& scores, const GenerationOptions& o) {
  std::vector<int32_t> order;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > kGenerateSamplerForbidden) order.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  if (o.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(o.top_k)));
  const auto weight = [&](int32_t id) {
    const double best = static_cast<double>(scores[static_cast<size_t>(order[0])]);
    return std::exp((static_cast<double>(scores[static_cast<size_t>(id)]) - best) / o.temperature);
  };
  double all = 0.0;
  for (const int32_t id : order) all += weight(id);
  std::map<int32_t, double> kept;
  double sum = 0.0;
  for (const int32_t id : order) {
    if (!kept.empty() && o.top_p < 1.0 && sum >= o.top_p * all) break;
    if (weight(id) < o.min_p) break;  // the first one has the weight 1
    sum += kept[id] = weight(id);
  }
  for (auto& [id, probability] : kept) probability /= sum;
  return kept;
}

/// The frequency of each token when u takes `draws` equally spaced values.
std::map<int32_t, double> frequencies(const std::vector<float>& scores, const GenerationOptions& o,
                                      int draws) {
  Sampler sampler(o, ops::best_isa(), static_cast<int64_t>(scores.size()));
  std::vector<float> row = scores;
  sampler.prepare(row);
  EXPECT_EQ(row, scores) << "the scores are only read";
  std::map<int32_t, double> found;
  for (int i = 0; i < draws; ++i) found[sampler.draw((i + 0.5) / draws)] += 1.0 / draws;
  return found;
}

TEST(SamplerTest, DrawsWhatTheFiltersLeaveWithItsProbability) {
  constexpr int kDraws = 20000;
  for (const auto& [vocabulary, spread] : std::vector<std::pair<size_t, float>>{
           {1, 3.0f}, {7, 3.0f}, {40, 8.0f}, {700, 9.0f}, {1500, 0.1f}}) {
    const std::vector<float> scores = random_scores(vocabulary, 5, spread);
    for (const double temperature : {0.5, 1.0, 2.0}) {
      for (const int top_k : {0, 1, 3, 64, 300, 5000}) {
        for (const auto& [top_p, min_p] : std::vector<std::pair<double, double>>{
                 {1.0, 0.0}, {0.9, 0.0}, {0.5, 0.0}, {1e-9, 0.0}, {1.0, 0.3}, {0.9, 0.05}}) {
          GenerationOptions options;
          options.min_p = min_p;
          options.temperature = temperature;
          options.top_k = top_k;
          options.top_p = top_p;
          const auto expected = reference(scores, options);
          const auto found = frequencies(scores, options, kDraws);
          SCOPED_TRACE(std::to_string(vocabulary) + " words, temperature " +
                       std::to_string(temperature) + ", top_k " + std::to_string(top_k) +
                       ", top_p " + std::to_string(top_p) + ", min_p " + std::to_string(min_p));
          for (const auto& [id, frequency] : found) ASSERT_TRUE(expected.contains(id)) << id;
          for (const auto& [id, probability] : expected) {
            const auto place = found.find(id);
            // The count of equally spaced numbers in an interval is proportional to its length,
            // within 1.
            ASSERT_NEAR(place == found.end() ? 0.0 : place->second, probability,
                        1.5 / kDraws + 1e-5)
                << id;
          }
        }
      }
    }
  }
}

TEST(SamplerTest, NothingForbiddenIsDrawn) {
  std::vector<float> scores = random_scores(50, 6, 5.0f);
  for (size_t i = 0; i < scores.size(); ++i) {
    if (i % 3 != 0) scores[i] = kGenerateSamplerForbidden;
  }
  for (const int top_k : {0, 30, 40}) {
    GenerationOptions options;
    options.temperature = 3.0;
    options.top_k = top_k;
    for (const auto& [id, frequency] : frequencies(scores, options, 1000)) EXPECT_EQ(id % 3, 0);
  }
}

TEST(SamplerTest, NoTokenWhereAllAreForbidden) {
  std::vector<float> scores(300, kGenerateSamplerForbidden);
  for (const int top_k : {0, 4, 280}) {
    for (const double top_p : {1.0, 0.5}) {
      GenerationOptions options;
      options.temperature = 1.0;
      options.top_k = top_k;
      options.top_p = top_p;
      Sampler sampler(options, ops::best_isa(), 300);
      sampler.prepare(scores);
      EXPECT_EQ(sampler.draw(0.3), kNoToken) << top_k << " " << top_p;
    }
  }
}

TEST(SamplerTest, NoMoreTokensThanTopPNeedsWhereTheyReachItExactly) {
  const std::vector<float> scores(4, 1.0f);
  for (const int top_k : {0, 4}) {
    GenerationOptions options;
    options.temperature = 1.0;
    options.top_k = top_k;
    options.top_p = 0.5;
    const auto found = frequencies(scores, options, 100);
    EXPECT_EQ(found.size(), 2u) << top_k;
    EXPECT_TRUE(found.contains(0) && found.contains(1)) << top_k;
  }
}

TEST(SamplerTest, TheLikeliestRemainsWhateverMinPIs) {
  std::vector<float> scores = random_scores(40, 8, 4.0f);
  scores[17] = 5.0f;
  for (const int top_k : {0, 4}) {
    GenerationOptions options;
    options.temperature = 1.0;
    options.top_k = top_k;
    options.min_p = 1.0;
    const auto found = frequencies(scores, options, 100);
    EXPECT_EQ(found.size(), 1u);
    EXPECT_TRUE(found.contains(17));
  }
}

TEST(SamplerTest, TheLowestTemperaturesTakeTheLikeliest) {
  std::vector<float> scores = random_scores(200, 7, 4.0f);
  scores[33] = 4.5f;
  for (const double temperature : {1e-3, 1e-300}) {
    GenerationOptions options;
    options.temperature = temperature;
    EXPECT_EQ(frequencies(scores, options, 100).size(), 1u);
    EXPECT_TRUE(frequencies(scores, options, 100).contains(33));
  }
}

TEST(RandomNumberTest, IsEvenlySpreadInEachArgument) {
  constexpr int kNumbers = 40000;
  constexpr int kBins = 20;
  for (int argument = 0; argument < 4; ++argument) {
    std::vector<int> bins(kBins);
    double product = 0.0;
    double previous = 0.5;
    for (uint64_t i = 0; i < kNumbers; ++i) {
      uint64_t words[4] = {3, 0, 0, 7};
      words[argument] += i;
      const double u = random_number(words[0], words[1], words[2], words[3]);
      ASSERT_GE(u, 0.0);
      ASSERT_LT(u, 1.0);
      ++bins[static_cast<size_t>(u * kBins)];
      product += (u - 0.5) * (previous - 0.5);
      previous = u;
    }
    // 2000 in each, with a standard deviation of 44; neighbours are uncorrelated, with one of
    // 0.0004.
    for (const int bin : bins) EXPECT_NEAR(bin, kNumbers / kBins, 220) << argument;
    EXPECT_NEAR(product / kNumbers, 0.0, 0.002) << argument;
  }
}

/// A seed gives the same outputs in every release. Computed from the definition in Python.
TEST(RandomNumberTest, IsTheSameInEveryRelease) {
  EXPECT_EQ(random_number(0, 0, 0, 0), 0x1.33c21df41fce8p-4);
  EXPECT_EQ(random_number(1, 2, 3, 4), 0x1.e20d184010ae2p-1);
}

TEST(RandomNumberTest, ArgumentsDoNotStandForEachOther) {
  const double u = random_number(1, 2, 3, 4);
  EXPECT_EQ(u, random_number(1, 2, 3, 4));
  EXPECT_NE(u, random_number(2, 1, 3, 4));
  EXPECT_NE(u, random_number(1, 3, 2, 4));
  EXPECT_NE(u, random_number(1, 2, 4, 3));
  EXPECT_NE(random_number(0, 0, 0, 1), random_number(0, 0, 1, 0));
  EXPECT_NE(random_number(0, 0, 1, 0), random_number(0, 1, 0, 0));
}

/// Scores that depend on the last token.
std::vector<float> generate_sampler_model(const std::vector<int32_t>& tokens) {
  return random_scores(60, static_cast<uint32_t>(tokens.back()) + 1, 6.0f);
}

GenerationOptions sampling_options() {
  GenerationOptions options;
  options.temperature = 1.2;
  options.top_k = 20;
  options.top_p = 0.95;
  options.eos_token_ids = {9};
  options.max_new_tokens = 25;
  options.num_return_sequences = 3;
  options.seed = 77;
  return options;
}

std::vector<Hypothesis> samples(const GenerationOptions& options, uint64_t sequence) {
  const std::vector<int32_t> prompt{5};
  const auto search = test::make(options, 60, prompt, sequence);
  test::run(*search, prompt, generate_sampler_model);
  return {search->results().begin(), search->results().end()};
}

TEST(SamplingSearchTest, TheSeedAndTheSequenceDecide) {
  const GenerationOptions options = sampling_options();
  const auto first = samples(options, 4);
  const auto again = samples(options, 4);
  ASSERT_EQ(first.size(), 3u);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].ids, again[i].ids);
    EXPECT_EQ(first[i].score, again[i].score);
  }
  EXPECT_NE(first[0].ids, first[1].ids) << "samples of one source differ";
  EXPECT_NE(first[0].ids, samples(options, 5)[0].ids);
  GenerationOptions other = options;
  other.seed = 78;
  EXPECT_NE(first[0].ids, samples(other, 4)[0].ids);
}

TEST(SamplingSearchTest, ASampleDoesNotDependOnTheOthers) {
  GenerationOptions options = sampling_options();
  options.num_return_sequences = 1;
  const auto alone = samples(options, 4);
  options.num_return_sequences = 6;
  const auto six = samples(options, 4);
  EXPECT_TRUE(std::any_of(six.begin(), six.end(), [&](const Hypothesis& hypothesis) {
    return hypothesis.ids == alone[0].ids && hypothesis.score == alone[0].score;
  }));
  EXPECT_TRUE(std::is_sorted(six.begin(), six.end(), [](const Hypothesis& a, const Hypothesis& b) {
    return a.score > b.score;
  }));
}

TEST(SamplingSearchTest, RowsMayBeScoredByDifferentThreads) {
  const GenerationOptions options = sampling_options();
  const auto expected = samples(options, 0);
  const auto search = test::make(options, 60, std::vector<int32_t>{5});
  while (search->rows() > 0) {
    std::vector<std::thread> threads;
    for (int row = search->rows() - 1; row >= 0; --row) {
      threads.emplace_back([&search, row] {
        std::vector<float> logits = generate_sampler_model({search->token(row)});
        search->score(row, logits.data());
      });
    }
    for (std::thread& thread : threads) thread.join();
    search->advance();
  }
  ASSERT_EQ(search->results().size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(search->results()[i].ids, expected[i].ids);
  }
}

TEST(SamplingSearchTest, TheScoreIsOfTheModelsOwnDistribution) {
  GenerationOptions options = sampling_options();
  options.repetition_penalty = 1.7;
  options.length_penalty = 0.5;
  for (const Hypothesis& hypothesis : samples(options, 1)) {
    std::vector<int32_t> tokens{5};
    std::vector<int32_t> chosen = hypothesis.ids;
    if (hypothesis.finish_reason == FinishReason::kEos) chosen.push_back(9);
    double sum = 0.0;
    for (const int32_t id : chosen) {
      double total = 0.0;
      for (const float score : generate_sampler_model(tokens))
        total += std::exp(static_cast<double>(score));
      sum += static_cast<double>(generate_sampler_model(tokens)[static_cast<size_t>(id)]) -
             std::log(total);
      tokens.push_back(id);
    }
    EXPECT_NEAR(static_cast<double>(hypothesis.score),
                sum / std::sqrt(static_cast<double>(chosen.size())), 1e-4);
  }
}

}  // namespace
}  // namespace lanewise::generate
