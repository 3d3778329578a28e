// Requests of all kinds under a fixed cache, for as long as LANEWISE_SOAK_SECONDS says (default: 0.5),
// with the model file LANEWISE_SOAK_MODEL (default: a tiny one): memory stays flat, and every answer
// equals its answer alone.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "lanewise/engine.hpp"
#include "tests/model/counting_new.hpp"
#include "tests/runtime/attention_model.hpp"

namespace lanewise {
namespace {

constexpr int64_t kLongest = 320;  // tokens of a request, prompt included
constexpr int64_t kSequences = 6;  // that the cache has room for, of this length

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

Model soak_model() {
  const std::string path = from_environment("LANEWISE_SOAK_MODEL", "");
  if (path.empty()) return attention::test::small_model(attention::test::Parts::kDecoder);
  auto opened = Model::open(path);
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  return std::move(opened).value();
}

/// Prompts of 1 to 200 tokens, a third of which begin alike and a third of which repeat themselves;
/// greedy, sampled, several samples and beams.
EngineRequest request_of_kind(uint32_t kind, int64_t vocabulary) {
  std::mt19937 random(kind);
  EngineRequest request;
  request.ids.resize(1 + random() % 200);
  const auto ids = static_cast<uint32_t>(vocabulary);
  for (size_t i = 0; i < request.ids.size(); ++i) {
    uint32_t id = random();
    if (kind % 3 == 0) id = static_cast<uint32_t>(7 * i);
    if (kind % 3 == 1) id = static_cast<uint32_t>(i % 5) + kind;
    request.ids[i] = static_cast<int32_t>(id % ids);
  }
  request.options.max_new_tokens = 1 + random() % 100;
  if (kind % 4 == 1) request.options.temperature = 0.8;
  if (kind % 8 == 5) request.options.num_return_sequences = 2;
  if (kind % 4 == 3) request.options.beams = 3;
  request.options.seed = kind;
  return request;
}

class Soak {
 public:
  Soak(const Model& model, const SessionOptions& session) : model_(model) {
    auto alone =
        Generator::create(model, {.threads = 2, .cache_type = session.cache_type, .outputs = {}});
    EXPECT_TRUE(alone.ok()) << alone.status().message();
    for (uint32_t kind = 0; kind < kKinds; ++kind) {
      const EngineRequest request = request_of_kind(kind, model.info().vocabulary_size);
      auto generations = alone->generate({&request.ids, 1}, request.options);
      EXPECT_TRUE(generations.ok()) << generations.status().message();
      answers_.push_back(ids_of(generations->front()));
    }
    EngineOptions options{.session = session};
    options.max_sequences = 2 * kSequences;
    auto engine = Engine::create(model, options);
    EXPECT_TRUE(engine.ok()) << engine.status().message();
    engine_.emplace(std::move(engine).value());
    EXPECT_TRUE(engine_->reserve(kSequences, kLongest).ok());
  }

  /// Submits requests between steps, cancels some of them, and waits for all.
  void round(uint32_t seed) {
    std::mt19937 random(seed);
    constexpr int kRequests = 20;
    for (int i = 0; i < kRequests; ++i) {
      const uint64_t number = submit(random() % kKinds);
      if (random() % 8 == 0) engine_->cancel(number);
      for (uint32_t steps = random() % 6; steps > 0; --steps) ASSERT_TRUE(engine_->step().ok());
    }
    for (;;) {
      const Result<bool> more = engine_->step();
      ASSERT_TRUE(more.ok()) << more.status().message();
      if (!*more) return;
    }
  }

  int64_t compared() const { return compared_; }
  EngineStats stats() const { return engine_->stats(); }

 private:
  static constexpr uint32_t kKinds = 24;

  using Answer = std::vector<std::vector<int32_t>>;

  static Answer ids_of(const Generation& generation) {
    Answer answer;
    for (const Hypothesis& hypothesis : generation.hypotheses) answer.push_back(hypothesis.ids);
    return answer;
  }

  uint64_t submit(uint32_t kind) {
    EngineRequest request = request_of_kind(kind, model_.info().vocabulary_size);
    request.on_done = [this, kind](const Generation& result) {
      if (result.hypotheses.front().finish_reason == FinishReason::kCancelled) return;
      ++compared_;
      EXPECT_EQ(ids_of(result), answers_[kind]) << "kind " << kind;
    };
    const Result<uint64_t> number = engine_->submit(std::move(request));
    EXPECT_TRUE(number.ok()) << number.status().message();
    return number.ok() ? *number : 0;
  }

  const Model& model_;
  std::vector<Answer> answers_;
  std::optional<Engine> engine_;
  int64_t compared_ = 0;
};

// The lists of the scheduler reach their length at some point.
constexpr int64_t kSettling = 1 << 16;

/// Rounds until `seconds` have passed. Between rounds no request is left, so nothing but the index
/// of kept pages may have grown since the first rounds, and it takes less than a sixteenth of them.
void soak(const Model& model, const SessionOptions& session, double seconds) {
  const auto begin = std::chrono::steady_clock::now();
  Soak soak(model, session);
  constexpr uint32_t kWarmUp = 2;
  for (uint32_t round = 0; round < kWarmUp; ++round) soak.round(round);
  const int64_t cache = soak.stats().cache_bytes;
  const int64_t live = test::live_bytes();
  const int64_t most = live + kSettling + (session.reuse_prefixes ? cache / 16 : 0);
  uint32_t rounds = kWarmUp;
  do {
    soak.round(rounds++);
    ASSERT_LE(test::live_bytes(), most) << "round " << rounds;
    ASSERT_EQ(soak.stats().cache_bytes, cache) << "round " << rounds;
  } while (std::chrono::steady_clock::now() - begin < std::chrono::duration<double>(seconds));
  EXPECT_GT(soak.compared(), 0);
  std::cout << soak.compared() << " answers in " << rounds << " rounds, " << soak.stats().steps
            << " steps; " << test::live_bytes() << " bytes live, after warm-up " << live << "\n";
}

TEST(EngineSoak, MixedRequestsKeepMemoryAndAnswers) {
  const Model model = soak_model();
  const double seconds = std::stod(from_environment("LANEWISE_SOAK_SECONDS", "0.5"));
  SessionOptions session{.threads = 2, .outputs = {}};
  soak(model, session, seconds / 2);
  session.reuse_prefixes = false;
  session.cache_type = CacheType::kInt8;
  soak(model, session, seconds / 2);
}

}  // namespace
}  // namespace lanewise
