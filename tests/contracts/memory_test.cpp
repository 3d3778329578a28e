// What reserve() takes is what memory_bytes() says, and is all that runs take: no batch that was
// reserved for allocates anything, in the first run or later.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <string>

#include "lanewise/engine.hpp"
#include "lanewise/generator.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"

namespace lanewise::test {
namespace {

constexpr int64_t kTokens = 900;
constexpr int64_t kSequences = 60;
constexpr int kLongest = 16;  // that every model of the tests takes

/// Random lengths, as many as fit.
std::vector<int32_t> random_lengths(uint32_t seed) {
  std::mt19937 random(seed);
  const int most = 1 + static_cast<int>(random() % kLongest);
  const size_t sequences = 1 + random() % kSequences;
  std::vector<int32_t> lengths;
  int64_t tokens = 0;
  while (lengths.size() < sequences) {
    lengths.push_back(1 + static_cast<int32_t>(random() % static_cast<uint32_t>(most)));
    tokens += lengths.back();
    if (tokens > kTokens) {
      lengths.pop_back();
      return lengths;
    }
  }
  return lengths;
}

/// One for which our own kernels multiply int8: oneDNN, which does on a CPU with AMX, allocates in
/// every run.
std::string isa_without_amx() {
  const auto all = available_isas();
  const bool has_more = std::ranges::find(all, "avx512bf16") != all.end();
  return has_more ? "avx512vnni" : "";
}

class MemoryContract : public TinyModels, public ::testing::WithParamInterface<int> {
 protected:
  void check(bool with_decoder, int32_t vocabulary, const SessionOptions& options) {
    const Model model = open();
    Session session = expect_ok(Session::create(model, options));
    const int64_t before = live_bytes();
    ASSERT_TRUE(session.reserve(kTokens, kSequences).ok());
    const int64_t reserved = live_bytes() - before;
    EXPECT_EQ(session.memory_bytes(kTokens, kSequences), reserved);
    EXPECT_GT(reserved, 0);
    for (uint32_t seed = 0; seed < 50; ++seed) {
      const std::vector<int32_t> lengths = random_lengths(seed);
      const Batch batch(lengths, vocabulary);
      const RaggedBatch ragged = with_decoder ? batch.both() : batch.encoder();
      start_counting();
      const Status status = session.run_ragged(ragged);
      EXPECT_EQ(stop_counting(), 0) << "seed " << seed << ", " << lengths.size() << " sequences";
      ASSERT_TRUE(status.ok()) << status.message();
    }
    EXPECT_EQ(live_bytes() - before, reserved);
  }
};
class GeneratorMemoryContract : public MemoryContract {
 protected:
  /// For six sequences of 24 tokens.
  void check_generator(SessionOptions options) {
    options.threads = GetParam();
    options.reuse_prefixes = false;  // whose index grows
    const Model model = open();
    Generator generator = expect_ok(Generator::create(model, options));
    GenerationOptions search = model.info().generation;
    search.max_new_tokens = 8;
    const int64_t before = live_bytes();
    ASSERT_TRUE(generator.reserve(6, 24).ok());
    const int64_t reserved = live_bytes() - before;
    EXPECT_EQ(generator.memory_bytes(6, 24), reserved);
    EXPECT_GT(reserved, 0);
    for (const int beams : {1, 3}) {
      search.beams = beams;
      std::vector<std::vector<int32_t>> sources;
      for (int i = 0; i < 6 / beams; ++i) sources.emplace_back(static_cast<size_t>(1 + 3 * i), 4);
      const Status status = generator.generate(sources, search).status();
      ASSERT_TRUE(status.ok()) << status.message();
    }
    EXPECT_EQ(live_bytes() - before, reserved) << "what generating has taken";
  }
};
INSTANTIATE_TEST_SUITE_P(Threads, GeneratorMemoryContract, ::testing::Values(1, 2));

TEST_P(GeneratorMemoryContract, OfADecoderAlone) {
  put_decoder();
  for (const CacheType type : {CacheType::kF32, CacheType::kBf16, CacheType::kInt8}) {
    check_generator({.cache_type = type});
  }
  check_generator({.cache_bytes = 1 << 15});
  check_generator({.guess_repetitions = false});
}

TEST_P(GeneratorMemoryContract, OfATranslator) {
  put_translator();
  check_generator({});
}

TEST_P(GeneratorMemoryContract, OfARecurrentTranslator) {
  put_recurrent();
  check_generator({});
}

INSTANTIATE_TEST_SUITE_P(Threads, MemoryContract, ::testing::Values(1, 2, 3));

TEST_P(MemoryContract, OfAnEncoder) {
  put_bert();
  check(false, 13, {.threads = GetParam()});
}

TEST_P(MemoryContract, OfQuantisedWeights) {
  put_bert();
  for (const char* weights : {"int8", "bf16"}) {
    options_.weights = weights;
    std::filesystem::remove(destination());
    check(false, 13, {.threads = GetParam(), .isa = isa_without_amx()});
  }
}

TEST_P(MemoryContract, OfOneOutput) {
  put_bert();
  check(false, 13, {.threads = GetParam(), .outputs = {"sentence_embedding"}});
}

TEST_P(MemoryContract, OfAnEncoderAndADecoder) {
  put_translator();
  check(true, 6, {.threads = GetParam()});
}

TEST_P(MemoryContract, OfARecurrentModel) {
  put_recurrent();
  check(true, 21, {.threads = GetParam()});
}

using MemoryContractOnce = TinyModels;

TEST_F(MemoryContractOnce, GrowsByTheDifference) {
  put_bert();
  Session session = expect_ok(Session::create(open(), {.threads = 2}));
  const int64_t before = live_bytes();
  ASSERT_TRUE(session.reserve(20, 2).ok());
  ASSERT_TRUE(session.reserve(kTokens, kSequences).ok());
  EXPECT_EQ(live_bytes() - before, session.memory_bytes(kTokens, kSequences));
  ASSERT_TRUE(session.reserve(20, 2).ok()) << "and never shrinks";
  EXPECT_EQ(live_bytes() - before, session.memory_bytes(kTokens, kSequences));
}

TEST_F(MemoryContractOnce, SequencesThatDoNotFitAreErrors) {
  put_decoder();
  const Model model = open();
  Generator generator = expect_ok(Generator::create(model, {.threads = 2}));
  Engine engine = expect_ok(Engine::create(model, {.session = {.threads = 2}}));
  constexpr int64_t kHuge = int64_t{1} << 50;
  for (const auto& [sequences, tokens] :
       {std::array{kHuge, int64_t{1}}, {int64_t{1}, kHuge}, {int64_t{1} << 31, kHuge}}) {
    EXPECT_EQ(generator.reserve(sequences, tokens).code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(engine.reserve(sequences, tokens).code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(generator.memory_bytes(sequences, tokens), std::numeric_limits<int64_t>::max());
  }
  EXPECT_EQ(generator.reserve(0, 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(engine.reserve(1, 0).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(
      generator.generate(std::vector<std::vector<int32_t>>{{3, 4}}, model.info().generation).ok())
      << "the generator stays usable";
}

TEST_F(MemoryContractOnce, SizesThatDoNotFitAreErrors) {
  put_bert();
  Session session = expect_ok(Session::create(open(), {.threads = 2}));
  constexpr int64_t kHuge = int64_t{1} << 50;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const auto& [tokens, sequences] : {std::array{kHuge, int64_t{1}},
                                          {int64_t{1}, kHuge},
                                          {kMost, kMost},
                                          {kHuge, kHuge},
                                          {int64_t{1} << 31, int64_t{1}}}) {
    const Status status = session.reserve(tokens, sequences);
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.message();
    EXPECT_EQ(session.memory_bytes(tokens, sequences), kMost);
  }
  const int64_t almost = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(session.reserve(almost, almost).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(session.reserve(-1, 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(session.reserve(1, -1).code(), StatusCode::kInvalidArgument);
  const Batch batch({3, 4}, 13);
  EXPECT_TRUE(session.run_ragged(batch.encoder()).ok()) << "the session stays usable";
}

}  // namespace
}  // namespace lanewise::test
