#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "lanewise/generator.hpp"
#include "runtime/decode/decoder.hpp"
#include "tests/runtime/attention_model.hpp"

/// How a Generator shares steps: joins, chunks of prompts, guesses, known beginnings. None of it may
/// change a token or a bit of a score.

namespace lanewise::decode {
namespace {

namespace tiny = attention::test;
using Ids = std::vector<int32_t>;

Ids prompt(size_t length, uint32_t seed) {
  Ids ids(length);
  for (int32_t& id : ids) {
    seed = seed * 1664525U + 1013904223U;
    id = static_cast<int32_t>((seed >> 16) % tiny::kVocabulary);
  }
  return ids;
}

const Model& generation_batch_model() {
  static const Model generation_batch_model = tiny::small_model(tiny::Parts::kDecoder);
  return generation_batch_model;
}

Generator generator(int threads = 1) {
  auto made = Generator::create(generation_batch_model(), {.threads = threads, .outputs = {}});
  EXPECT_TRUE(made.ok()) << made.status().message();
  return std::move(made).value();
}

GenerationOptions new_tokens(int64_t count) {
  GenerationOptions options;
  options.max_new_tokens = count;
  return options;
}

std::vector<Hypothesis> generate(Generator& generator, const std::vector<Ids>& sources,
                                 const GenerationOptions& options) {
  const auto results = generator.generate(sources, options);
  EXPECT_TRUE(results.ok()) << results.status().message();
  std::vector<Hypothesis> firsts;
  if (!results.ok()) return firsts;
  for (const Generation& result : *results) firsts.push_back(result.hypotheses.front());
  return firsts;
}

/// Greedy search as simple as possible: one step for the prompt, one for each token.
Ids greedy(const Ids& source, int64_t count) {
  auto decoder = Decoder::create(generation_batch_model(), {.threads = 1, .outputs = {}});
  EXPECT_TRUE(decoder.ok());
  EXPECT_TRUE((*decoder)->encode({.ids = {}, .type_ids = {}, .lengths = {}}, {}).ok());
  Cache::Sequence sequence;
  Ids next = source, ids;
  while (static_cast<int64_t>(ids.size()) < count) {
    EXPECT_TRUE((*decoder)->cache().append(sequence, static_cast<int64_t>(next.size())).ok());
    const Decoder::Row row{.tokens = next, .sequence = &sequence};
    EXPECT_TRUE((*decoder)->step({&row, 1}, graph::LogitRows::kLast, {}).ok());
    const float* logits = (*decoder)->logits(0);
    const float* best = std::max_element(logits, logits + (*decoder)->vocabulary());
    ids.push_back(static_cast<int32_t>(best - logits));
    next = {ids.back()};
  }
  return ids;
}

void expect_generation_batch_equal(const Hypothesis& a, const Hypothesis& b) {
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.score, b.score);
  EXPECT_EQ(a.finish_reason, b.finish_reason);
}

TEST(GenerationBatch, FindsWhatStepsOfOneTokenFind) {
  for (const size_t length : {1, 15, 16, 17, 40, 600}) {
    SCOPED_TRACE(length);
    Generator one = generator();
    const Ids source = prompt(length, static_cast<uint32_t>(length));
    EXPECT_EQ(generate(one, {source}, new_tokens(40)).front().ids, greedy(source, 40));
  }
}

TEST(GenerationBatch, ComputesLongPromptsInChunks) {
  Generator one = generator();
  one.set_profiling(true);
  const auto result = generate(one, {prompt(1200, 3)}, new_tokens(2));
  EXPECT_EQ(result.front().ids, greedy(prompt(1200, 3), 2));
  ASSERT_GE(one.steps().size(), 4U);
  EXPECT_EQ(one.steps()[0].rows, 512);
  EXPECT_EQ(one.steps()[1].rows, 512);
  EXPECT_EQ(one.steps()[2].rows, 1200 - 2 * 512);
}

/// More sources than rows, so that some wait for others to leave.
TEST(GenerationBatch, ASourceGetsWhatItWouldGetAlone) {
  std::vector<Ids> sources;
  for (uint32_t i = 0; i < 270; ++i) sources.push_back(prompt(1 + i * 7 % 45, i));
  sources.push_back(prompt(1100, 5));
  GenerationOptions greedy_options = new_tokens(12);
  GenerationOptions sampling = new_tokens(12);
  sampling.temperature = 0.7;
  sampling.seed = 4;
  for (const GenerationOptions& options : {greedy_options, sampling}) {
    Generator all = generator(2);
    const auto together = generate(all, sources, options);
    ASSERT_EQ(together.size(), sources.size());
    for (const size_t i : {0, 1, 16, 100, 269, 270}) {
      SCOPED_TRACE(i);
      // Random numbers depend on the number of a source.
      Generator one = generator();
      one.set_first_source(i);
      expect_generation_batch_equal(generate(one, {sources[i]}, options).front(), together[i]);
    }
  }
}

TEST(GenerationBatch, BeamsShareABeginning) {
  GenerationOptions options = new_tokens(20);
  options.beams = 5;
  options.num_return_sequences = 5;
  const std::vector<Ids> sources{prompt(20, 1), prompt(31, 2), prompt(3, 3)};
  Generator all = generator(2);
  const auto together = all.generate(sources, options);
  ASSERT_TRUE(together.ok());
  for (size_t i = 0; i < sources.size(); ++i) {
    Generator one = generator();
    const auto alone = one.generate({&sources[i], 1}, options);
    ASSERT_TRUE(alone.ok());
    ASSERT_EQ(alone->front().hypotheses.size(), (*together)[i].hypotheses.size());
    for (size_t h = 0; h < alone->front().hypotheses.size(); ++h) {
      expect_generation_batch_equal(alone->front().hypotheses[h], (*together)[i].hypotheses[h]);
    }
  }
}

/// The model has no positions and soon repeats itself, so guesses are right.
TEST(GenerationBatch, GuessesSaveSteps) {
  Generator one = generator();
  one.set_profiling(true);
  const auto result = generate(one, {prompt(20, 9)}, new_tokens(200));
  EXPECT_EQ(result.front().ids, greedy(prompt(20, 9), 200));
  EXPECT_LT(one.steps().size(), 100U);
}

/// Three pages are what 48 tokens take; guesses beyond the last of them have no room.
TEST(GenerationBatch, GuessesTakeNoPagesOfOthers) {
  constexpr int64_t kPageBytes = 2 * 16 * (8 + 16) * 4;
  for (const int64_t count : {20, 28, 29}) {
    auto made = Generator::create(generation_batch_model(),
                                  {.threads = 1, .cache_bytes = 3 * kPageBytes, .outputs = {}});
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(generate(*made, {prompt(20, 9)}, new_tokens(count)).front().ids,
              greedy(prompt(20, 9), count));
  }
}

TEST(GenerationBatch, GuessesChangeNoSample) {
  GenerationOptions options = new_tokens(120);
  options.temperature = 0.3;
  options.top_k = 5;
  std::vector<Ids> sources(9, prompt(30, 2));
  Generator many = generator();  // too many rows for guesses
  Generator one = generator();
  const auto together = generate(many, sources, options);
  expect_generation_batch_equal(generate(one, {sources.front()}, options).front(),
                                together.front());
}

TEST(GenerationBatch, AKnownBeginningIsNotComputedAgain) {
  Generator one = generator();
  one.set_profiling(true);
  const Ids first = prompt(100, 7);
  const auto expected = generate(one, {first}, new_tokens(8));
  EXPECT_EQ(one.steps().front().rows, 100);
  expect_generation_batch_equal(generate(one, {first}, new_tokens(8)).front(), expected.front());
  EXPECT_EQ(one.steps().front().rows, 100 - 96);
  // A conversation goes on: what was generated is known as well.
  Ids longer = first;
  longer.insert(longer.end(), expected.front().ids.begin(), expected.front().ids.end());
  longer.insert(longer.end(), {1, 2, 3, 4, 5, 6, 7, 8});
  const auto more = generate(one, {longer}, new_tokens(8));
  EXPECT_LE(one.steps().front().rows, static_cast<int64_t>(longer.size()) - 96);
  EXPECT_EQ(more.front().ids, greedy(longer, 8));
  // Another beginning shares nothing.
  Ids other = first;
  other[0] = (other[0] + 1) % tiny::kVocabulary;
  EXPECT_EQ(generate(one, {other}, new_tokens(8)).front().ids, greedy(other, 8));
  EXPECT_EQ(one.steps().front().rows, 100);
}

TEST(GenerationBatch, ReportsProgressAndStopsWhenAsked) {
  Generator one = generator();
  const std::vector<Ids> sources{prompt(5, 1), prompt(50, 2), prompt(9, 3)};
  std::vector<int64_t> done;
  GenerationCallbacks callbacks;
  callbacks.progress = [&](int64_t count) { done.push_back(count); };
  callbacks.on_token = [](int64_t source, int32_t) { return source != 1; };
  const auto results = one.generate(sources, new_tokens(30), callbacks);
  ASSERT_TRUE(results.ok());
  EXPECT_EQ((*results)[1].hypotheses.front().finish_reason, FinishReason::kStop);
  EXPECT_EQ((*results)[1].hypotheses.front().ids.size(), 1U);
  EXPECT_EQ((*results)[0].hypotheses.front().ids, greedy(sources[0], 30));
  ASSERT_FALSE(done.empty());
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), 3);
}

}  // namespace
}  // namespace lanewise::decode
