#include "lanewise/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lanewise/generator.hpp"
#include "tests/runtime/attention_model.hpp"

namespace lanewise {
namespace {

namespace tiny = attention::test;
using Ids = std::vector<int32_t>;

const Model& engine_model() {
  static const Model engine_model = tiny::small_model(tiny::Parts::kDecoder);
  return engine_model;
}

Engine make_engine(const EngineOptions& options = {.session = {.threads = 1, .outputs = {}}}) {
  auto made = Engine::create(engine_model(), options);
  EXPECT_TRUE(made.ok()) << made.status().message();
  return std::move(made).value();
}

Ids prompt(size_t length, uint32_t seed) {
  Ids ids(length);
  for (int32_t& id : ids) {
    seed = seed * 1664525U + 1013904223U;
    id = static_cast<int32_t>((seed >> 16) % tiny::kVocabulary);
  }
  return ids;
}

/// Greedy, sampled and with beams, with prompts from 1 token to several chunks.
EngineRequest request(uint32_t i) {
  EngineRequest request{.ids = prompt(1 + i * 37 % 130 + (i % 11 == 10 ? 700 : 0), i)};
  request.options.max_new_tokens = 5 + i % 23;
  if (i % 3 == 1) {
    request.options.temperature = 0.6;
    request.options.seed = i;
  }
  if (i % 5 == 4) {
    request.options.beams = 3;
    request.options.temperature = 0;
  }
  return request;
}

std::vector<Ids> ids_of(const Generation& result) {
  std::vector<Ids> ids;
  for (const Hypothesis& hypothesis : result.hypotheses) ids.push_back(hypothesis.ids);
  return ids;
}

std::vector<Ids> alone(const EngineRequest& request, CacheType type) {
  auto generator =
      Generator::create(engine_model(), {.threads = 1, .cache_type = type, .outputs = {}});
  EXPECT_TRUE(generator.ok());
  const auto results = generator->generate({&request.ids, 1}, request.options);
  EXPECT_TRUE(results.ok()) << results.status().message();
  return ids_of(results->front());
}

/// Steps until nothing is left.
void finish(Engine& engine) {
  for (;;) {
    const Result<bool> more = engine.step();
    ASSERT_TRUE(more.ok()) << more.status().message();
    if (!*more) return;
  }
}

/// The results of requests by their number in the test; each must end once.
class Results {
 public:
  void submit(Engine& engine, uint32_t i, EngineRequest request) {
    request.on_done = [this, i](const Generation& result) {
      EXPECT_TRUE(found_.try_emplace(i, ids_of(result)).second) << i << " ended twice";
    };
    const Result<uint64_t> number = engine.submit(std::move(request));
    ASSERT_TRUE(number.ok()) << number.status().message();
  }
  size_t count() const { return found_.size(); }
  void expect_as_alone(uint32_t i, CacheType type = CacheType::kF32) const {
    ASSERT_TRUE(found_.contains(i)) << i;
    EXPECT_EQ(found_.at(i), alone(request(i), type)) << i;
  }

 private:
  std::map<uint32_t, std::vector<Ids>> found_;
};

TEST(Engine, ARequestGetsWhatItWouldGetAlone) {
  constexpr uint32_t kRequests = 40;
  for (const CacheType type : {CacheType::kF32, CacheType::kBf16, CacheType::kInt8}) {
    const int threads = type == CacheType::kBf16 ? 1 : 2;
    EngineOptions options{.session = {.threads = threads, .cache_type = type, .outputs = {}}};
    options.max_sequences = 8;
    options.prompt_tokens = threads == 1 ? 64 : 512;
    Engine engine = make_engine(options);
    Results results;
    // Others come while the first are on their way.
    for (uint32_t i = 0; i < kRequests; ++i) {
      results.submit(engine, i, request(i));
      if (i % 3 != 0) continue;
      ASSERT_TRUE(engine.step().ok());
    }
    finish(engine);
    ASSERT_EQ(results.count(), kRequests);
    for (uint32_t i = 0; i < kRequests; ++i) results.expect_as_alone(i, type);
    EXPECT_EQ(engine.stats().active, 0);
    EXPECT_EQ(engine.stats().waiting, 0);
    EXPECT_GT(engine.stats().steps, 0);
  }
}

TEST(Engine, RequestsWaitForRoomInTheCache) {
  constexpr uint32_t kRequests = 12;
  EngineOptions options{.session = {.threads = 1, .cache_bytes = 1 << 18, .outputs = {}}};
  Engine engine = make_engine(options);
  Results results;
  for (uint32_t i = 0; i < kRequests; ++i) results.submit(engine, i, request(i));
  bool waited = false;
  for (;;) {
    const Result<bool> more = engine.step();
    ASSERT_TRUE(more.ok()) << more.status().message();
    waited = waited || engine.stats().waiting > 0;
    EXPECT_LE(engine.stats().cache_bytes, 1 << 18);
    if (!*more) break;
  }
  EXPECT_TRUE(waited);
  ASSERT_EQ(results.count(), kRequests);
  for (uint32_t i = 0; i < kRequests; ++i) results.expect_as_alone(i);
}

/// What is kept for later prompts gives way.
TEST(Engine, ReservedMemoryIsEnough) {
  EngineOptions options{.session = {.threads = 1, .outputs = {}}};
  options.max_sequences = 8;
  Engine engine = make_engine(options);
  ASSERT_TRUE(engine.reserve(8, 160).ok());
  const int64_t reserved = engine.stats().cache_bytes;
  EXPECT_GT(reserved, 0);
  EXPECT_GT(engine.memory_bytes(8, 160), reserved);
  Results results;
  for (uint32_t i = 0; i < 30; ++i) {
    if (i % 11 != 10) results.submit(engine, i, request(i));
  }
  finish(engine);
  EXPECT_EQ(results.count(), 28U);
  EXPECT_EQ(engine.stats().cache_bytes, reserved);
}

/// The order in which requests end: `big` takes all the cache, and waits for `first`; while it
/// waits, a small one comes before each step.
std::vector<std::string> order_of_ends(int64_t overtaking_steps) {
  EngineOptions options{.session = {.threads = 1, .cache_bytes = 1 << 16, .outputs = {}}};
  options.overtaking_steps = overtaking_steps;
  Engine engine = make_engine(options);
  std::vector<std::string> ends;
  const auto submit = [&](const char* name, int64_t new_tokens) {
    EngineRequest request{.ids = {1, 2, 3}};
    request.options.max_new_tokens = new_tokens;
    request.on_done = [&ends, name](const Generation&) { ends.push_back(name); };
    EXPECT_TRUE(engine.submit(std::move(request)).ok());
  };
  submit("first", 20);
  submit("big", 100000);
  for (int i = 0; i < 40; ++i) {
    submit("small", 2);
    EXPECT_TRUE(engine.step().ok());
  }
  finish(engine);
  return ends;
}

TEST(Engine, SmallRequestsOvertakeABigOneForSomeSteps) {
  const auto before_big = [](const std::vector<std::string>& ends) {
    return std::find(ends.begin(), ends.end(), "big") - ends.begin();
  };
  const std::vector<std::string> strictly = order_of_ends(0);
  EXPECT_EQ(strictly.size(), 42U);
  EXPECT_EQ(before_big(strictly), 1) << "only the first";
  // One joins in each of five steps.
  EXPECT_EQ(before_big(order_of_ends(5)), 6);
  EXPECT_EQ(before_big(order_of_ends(1000)), 41) << "as long as others come";
}

TEST(Engine, RefusesWhatCannotBe) {
  EXPECT_EQ(Engine::create(engine_model(), {.session = {}, .max_sequences = 0}).status().message(),
            "max_sequences: expected at least 1, found 0");
  EXPECT_EQ(Engine::create(engine_model(), {.session = {}, .prompt_tokens = -1}).status().message(),
            "prompt_tokens: expected at least 1, found -1");
  EXPECT_EQ(
      Engine::create(engine_model(), {.session = {}, .overtaking_steps = -1}).status().message(),
      "overtaking_steps: expected at least 0, found -1");
  EXPECT_EQ(Engine::create(tiny::small_model(tiny::Parts::kBoth)).status().code(),
            StatusCode::kUnsupported);
  EngineOptions negative;
  negative.session.cache_bytes = -1;
  EXPECT_EQ(Engine::create(engine_model(), negative).status().code(), StatusCode::kInvalidArgument);

  EngineOptions options{.session = {.threads = 1, .cache_bytes = 1 << 14, .outputs = {}}};
  Engine engine = make_engine(options);
  EXPECT_EQ(engine.submit({.ids = {}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(engine.submit({.ids = {tiny::kVocabulary}}).status().code(),
            StatusCode::kInvalidArgument);
  EngineRequest bad{.ids = {1}};
  bad.options.top_p = 3;
  EXPECT_EQ(engine.submit(bad).status().code(), StatusCode::kInvalidArgument);
  const Status full = engine.submit({.ids = prompt(1000, 1)}).status();
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(full.message().find("a prompt of 1000 tokens: the cache has room for "),
            std::string::npos)
      << full.message();
  EXPECT_FALSE(*engine.step());
}

TEST(Engine, ACancelledRequestEndsWithTheNextStep) {
  Engine engine = make_engine();
  std::vector<FinishReason> reasons;
  const auto note = [&](const Generation& result) {
    reasons.push_back(result.hypotheses.front().finish_reason);
  };
  EngineRequest first{.ids = {1, 2, 3}, .on_done = note};
  first.options.max_new_tokens = 1000;
  EngineRequest second = first;
  const uint64_t one = *engine.submit(std::move(first));
  ASSERT_TRUE(*engine.step());
  const uint64_t two = *engine.submit(std::move(second));
  EXPECT_TRUE(engine.cancel(two)) << "it waits";
  EXPECT_TRUE(*engine.step());
  EXPECT_EQ(reasons.size(), 1U);
  EXPECT_TRUE(engine.cancel(one));
  EXPECT_FALSE(*engine.step());
  EXPECT_EQ(reasons, (std::vector<FinishReason>(2, FinishReason::kCancelled)));
  EXPECT_FALSE(engine.cancel(one));
  EXPECT_FALSE(engine.cancel(77));
}

TEST(Engine, CallbacksMayStopAndSubmit) {
  Engine engine = make_engine();
  Ids tokens;
  int ended = 0;
  EngineRequest first{.ids = {4, 5}};
  first.options.max_new_tokens = 100;
  first.on_token = [&](int32_t token) {
    tokens.push_back(token);
    return tokens.size() < 3;
  };
  first.on_done = [&](const Generation& result) {
    EXPECT_EQ(result.hypotheses.front().finish_reason, FinishReason::kStop);
    EngineRequest next{.ids = {6}, .on_done = [&](const Generation&) { ++ended; }};
    next.options.max_new_tokens = 2;
    EXPECT_TRUE(engine.submit(std::move(next)).ok());
    ++ended;
  };
  ASSERT_TRUE(engine.submit(std::move(first)).ok());
  finish(engine);
  EXPECT_EQ(tokens.size(), 3U);
  EXPECT_EQ(ended, 2);
}

TEST(EngineThreads, RequestsComeFromSeveralThreads) {
  constexpr uint32_t kThreads = 3, kEach = 8;
  Engine engine = make_engine({.session = {.threads = 2, .outputs = {}}});
  Results results;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = t * kEach; i < (t + 1) * kEach; ++i) {
        results.submit(engine, i, request(i));
        static_cast<void>(engine.stats());
        static_cast<void>(engine.cancel(0));
      }
    });
  }
  while (results.count() < kThreads * kEach) ASSERT_TRUE(engine.step().ok());
  for (std::thread& thread : threads) thread.join();
  for (uint32_t i = 0; i < kThreads * kEach; i += 5) results.expect_as_alone(i);
}

}  // namespace
}  // namespace lanewise
