#include "runtime/decode/decoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "lanewise/scorer.hpp"
#include "runtime/decode/cache.hpp"
#include "tests/runtime/attention_model.hpp"

/// Decoders small enough to compute every logit in double precision.

namespace lanewise::decode {
namespace {

namespace tiny = attention::test;
using tiny::Parts;
using Ids = std::vector<int32_t>;
using Logits = std::vector<float>;

// Logits are up to 50: sums of 16 products of attention's outputs, which have an error of 3e-6.
constexpr double kDecodeTolerance = 1e-4;

std::unique_ptr<Decoder> make_decoder(const Model& model, int threads = 1) {
  auto decoder = Decoder::create(model, {.threads = threads, .outputs = {}});
  EXPECT_TRUE(decoder.ok()) << decoder.status().message();
  return std::move(decoder).value();
}

/// W x for the last of `rows`, where W are the panels that small_model() writes.
std::vector<double> logits_of(const tiny::Rows& rows) {
  constexpr int64_t kPanel = 16;
  const Tensor panels =
      tiny::fractions({(tiny::kVocabulary + kPanel - 1) / kPanel, tiny::kFeatures, kPanel}, 5);
  std::vector<double> logits(tiny::kVocabulary);
  for (int64_t v = 0; v < tiny::kVocabulary; ++v) {
    const float* panel = panels.as<float>() + v / kPanel * tiny::kFeatures * kPanel + v % kPanel;
    for (int64_t f = 0; f < tiny::kFeatures; ++f) {
      logits[static_cast<size_t>(v)] +=
          rows.back()[static_cast<size_t>(f)] * static_cast<double>(panel[f * kPanel]);
    }
  }
  return logits;
}

/// The logits after the last of `ids`, from a decoder without an encoder.
std::vector<double> causal_logits(const Ids& ids) {
  const tiny::Rows x = tiny::embed(tiny::source_table(), ids);
  tiny::Rows mixed;
  tiny::weigh(x, x, /*causal=*/true, &mixed);
  return logits_of(mixed);
}

/// The logits after the last of `target`, which attends to the encoder's output for `source`.
std::vector<double> seq2seq_logits(const Ids& source, const Ids& target) {
  const tiny::Rows x = tiny::embed(tiny::source_table(), source);
  const tiny::Rows y = tiny::embed(tiny::target_table(), target);
  tiny::Rows memory, mixed, crossed;
  tiny::weigh(x, x, /*causal=*/false, &memory);
  tiny::weigh(y, y, /*causal=*/true, &mixed);
  tiny::weigh(mixed, memory, /*causal=*/false, &crossed);
  return logits_of(crossed);
}

Logits logits_in(const Decoder& decoder, size_t row) {
  const float* logits = decoder.logits(row);
  return {logits, logits + decoder.vocabulary()};
}

void expect_near(const Logits& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], kDecodeTolerance) << "logit " << i;
  }
}

/// One sequence of a decoder, whose tokens are passed in chunks.
class Sequence {
 public:
  explicit Sequence(Decoder& decoder, int32_t source = 0) : decoder_(decoder), source_(source) {}

  /// The row that passes `tokens`, which must outlive the step, to the decoder.
  Decoder::Row row(std::span<const int32_t> tokens) {
    EXPECT_TRUE(decoder_.cache().append(sequence_, static_cast<int64_t>(tokens.size())).ok());
    return {.source = source_, .tokens = tokens, .sequence = &sequence_};
  }

  Logits step(std::span<const int32_t> tokens) {
    const Decoder::Row one = row(tokens);
    const Status status = decoder_.step({&one, 1}, graph::LogitRows::kLast, {});
    EXPECT_TRUE(status.ok()) << status.message();
    return logits_in(decoder_, 0);
  }

  Cache::Sequence& cached() { return sequence_; }

 private:
  Decoder& decoder_;
  int32_t source_;
  Cache::Sequence sequence_;
};

Status encode(Decoder& decoder, const std::vector<Ids>& sources) {
  Ids ids, lengths;
  for (const Ids& source : sources) {
    ids.insert(ids.end(), source.begin(), source.end());
    lengths.push_back(static_cast<int32_t>(source.size()));
  }
  return decoder.encode({.ids = ids, .type_ids = {}, .lengths = lengths}, {});
}

TEST(Decode, EveryLogitOfACausalModel) {
  const Model model = tiny::small_model(Parts::kDecoder);
  const auto decoder = make_decoder(model);
  EXPECT_FALSE(decoder->has_encoder());
  EXPECT_EQ(decoder->vocabulary(), tiny::kVocabulary);
  const Ids ids = {8, 9, 10, 20, 9, 9, 1, 15};
  ASSERT_TRUE(encode(*decoder, {ids}).ok());
  Sequence sequence(*decoder);
  for (size_t i = 0; i < ids.size(); ++i) {
    SCOPED_TRACE(i);
    const Ids seen(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    expect_near(sequence.step(std::span(ids).subspan(i, 1)), causal_logits(seen));
  }
}

/// The next step's input is a token chosen from the logits.
TEST(Decode, RefusesLogitsOfMoreTokensThanItTakes) {
  for (const Parts parts : {Parts::kDecoder, Parts::kBoth}) {
    const Model model =
        tiny::small_model(parts, tiny::small_graph(parts), false, tiny::kVocabulary - 1);
    const Status status = Decoder::create(model, {}).status();
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_NE(status.message().find("of which the decoder takes"), std::string::npos)
        << status.message();
  }
}

TEST(Decode, ChunksOfAPromptGiveTheSameBits) {
  const Model model = tiny::small_model(Parts::kDecoder);
  const auto decoder = make_decoder(model);
  Ids ids;
  for (int32_t i = 0; i < 200; ++i) ids.push_back(1 + i * 7 % (tiny::kVocabulary - 1));
  ASSERT_TRUE(encode(*decoder, {ids}).ok());
  const Logits whole = Sequence(*decoder).step(ids);
  expect_near(whole, causal_logits(ids));
  for (const size_t chunk : {1, 3, 64, 199}) {
    Sequence sequence(*decoder);
    Logits last;
    for (size_t i = 0; i < ids.size(); i += chunk) {
      last = sequence.step(std::span(ids).subspan(i, std::min(chunk, ids.size() - i)));
    }
    EXPECT_EQ(last, whole) << "chunks of " << chunk;
  }
}

std::vector<float> scores_of(const Model& model, std::span<const int32_t> ids, int threads = 1) {
  Result<Scorer> scorer = Scorer::create(model, {.threads = threads, .outputs = {}});
  EXPECT_TRUE(scorer.ok()) << scorer.status().message();
  const auto scores = scorer->log_probabilities(ids);
  EXPECT_TRUE(scores.ok()) << scores.status().message();
  return *scores;
}

TEST(Decode, TheProbabilityOfEveryToken) {
  const Model model = tiny::small_model(Parts::kDecoder);
  Ids ids;
  for (int32_t i = 0; i < 150; ++i) ids.push_back(1 + i * 7 % (tiny::kVocabulary - 1));
  const std::vector<float> scores = scores_of(model, ids);
  ASSERT_EQ(scores.size(), ids.size() - 1);
  for (const size_t i : {0, 1, 62, 63, 64, 127, 128, 148}) {
    const std::vector<double> logits =
        causal_logits(Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i) + 1));
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit);
    EXPECT_NEAR(scores[i], logits[static_cast<size_t>(ids[i + 1])] - std::log(sum),
                kDecodeTolerance);
  }
  EXPECT_EQ(scores_of(model, ids, 3), scores);
}

/// The context of the model is 2000 tokens.
TEST(Decode, WindowsOfALongTextOverlapByHalf) {
  const Model model = tiny::small_model(Parts::kDecoder);
  Ids ids;
  for (int32_t i = 0; i < 3100; ++i) ids.push_back(1 + i * i % (tiny::kVocabulary - 1));
  const std::vector<float> scores = scores_of(model, ids);
  ASSERT_EQ(scores.size(), ids.size() - 1);
  for (size_t window = 0; window < 3; ++window) {
    const size_t begin = 1000 * window;
    const size_t length = std::min<size_t>(2000, ids.size() - begin);
    const std::vector<float> own = scores_of(model, std::span(ids).subspan(begin, length));
    const size_t known = window == 0 ? 0 : 999;  // predictions of the window before
    EXPECT_TRUE(std::equal(own.begin() + static_cast<std::ptrdiff_t>(known), own.end(),
                           scores.begin() + static_cast<std::ptrdiff_t>(begin + known)))
        << window;
  }
}

TEST(Decode, ScoresOnlyWhatTheModelTakes) {
  const Model model = tiny::small_model(Parts::kDecoder);
  Result<Scorer> scorer = Scorer::create(model);
  ASSERT_TRUE(scorer.ok());
  const Ids one = {5}, outside = {5, 6, tiny::kVocabulary};
  EXPECT_EQ(scorer->log_probabilities(one).status().message(),
            "expected at least 2 tokens, found 1");
  EXPECT_EQ(scorer->log_probabilities(outside).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Scorer::create(tiny::small_model(Parts::kBoth)).status().code(),
            StatusCode::kUnsupported);
}

TEST(Decode, SequencesOfAStepDoNotSeeEachOther) {
  const Model model = tiny::small_model(Parts::kDecoder);
  const auto decoder = make_decoder(model, 2);
  const std::vector<Ids> prompts = {{8, 9}, {10}, {11, 12, 13, 14, 15}};
  ASSERT_TRUE(encode(*decoder, prompts).ok());
  std::vector<Sequence> sequences(3, Sequence(*decoder));
  std::vector<Decoder::Row> rows;
  for (size_t i = 0; i < 3; ++i) rows.push_back(sequences[i].row(prompts[i]));
  ASSERT_TRUE(decoder->step(rows, graph::LogitRows::kLast, {}).ok());
  for (size_t i = 0; i < 3; ++i) expect_near(logits_in(*decoder, i), causal_logits(prompts[i]));

  // Only the second and the third, in the other order, with one token and with two.
  const Ids more = {7, 6};
  rows = {sequences[2].row(more), sequences[1].row(std::span(more).first(1))};
  ASSERT_TRUE(decoder->step(rows, graph::LogitRows::kLast, {}).ok());
  expect_near(logits_in(*decoder, 0), causal_logits({11, 12, 13, 14, 15, 7, 6}));
  expect_near(logits_in(*decoder, 1), causal_logits({10, 7}));
}

TEST(Decode, SequencesShareABeginning) {
  const Model model = tiny::small_model(Parts::kDecoder);
  const auto decoder = make_decoder(model);
  const Ids beginning = {8, 9, 10}, left = {20, 5}, right = {21};
  ASSERT_TRUE(encode(*decoder, {beginning}).ok());
  Sequence first(*decoder), second(*decoder);
  static_cast<void>(first.step(beginning));
  const int64_t free_pages = decoder->cache().pages().free_pages();
  decoder->cache().share(first.cached(), second.cached());
  EXPECT_EQ(decoder->cache().pages().free_pages(), free_pages);
  const Decoder::Row rows[] = {first.row(left), second.row(right)};
  ASSERT_TRUE(decoder->step(rows, graph::LogitRows::kLast, {}).ok());
  expect_near(logits_in(*decoder, 0), causal_logits({8, 9, 10, 20, 5}));
  expect_near(logits_in(*decoder, 1), causal_logits({8, 9, 10, 21}));

  // The rest of the common beginning still belongs to the second.
  decoder->cache().release(first.cached());
  expect_near(second.step(left), causal_logits({8, 9, 10, 21, 20, 5}));
}

TEST(Decode, EveryLogitOfAnEncoderAndADecoder) {
  const Model model = tiny::small_model(Parts::kBoth);
  const auto decoder = make_decoder(model, 2);
  EXPECT_TRUE(decoder->has_encoder());
  const std::vector<Ids> sources = {{2, 8, 9, 11, 3}, {4}, {2, 9}};
  ASSERT_TRUE(encode(*decoder, sources).ok());
  // Two sequences of the last source, one of the first, none of the second.
  const Ids targets[] = {{2, 13, 14}, {2, 15, 16}, {1, 2, 3}};
  const int32_t source_of[] = {2, 2, 0};
  std::vector<Sequence> sequences;
  for (const int32_t source : source_of) sequences.emplace_back(*decoder, source);
  for (size_t t = 0; t < 3; ++t) {
    std::vector<Decoder::Row> rows;
    for (size_t i = 0; i < 3; ++i) {
      rows.push_back(sequences[i].row(std::span(targets[i]).subspan(t, 1)));
    }
    ASSERT_TRUE(decoder->step(rows, graph::LogitRows::kLast, {}).ok());
    for (size_t i = 0; i < 3; ++i) {
      SCOPED_TRACE(i);
      const auto end = targets[i].begin() + static_cast<std::ptrdiff_t>(t) + 1;
      expect_near(logits_in(*decoder, i), seq2seq_logits(sources[static_cast<size_t>(source_of[i])],
                                                         {targets[i].begin(), end}));
    }
  }
}

TEST(Decode, AnEncoderAloneIsRefused) {
  const auto decoder =
      Decoder::create(tiny::small_model(Parts::kEncoder), {.threads = 1, .outputs = {}});
  EXPECT_EQ(decoder.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(decoder.status().message(),
            "cannot generate with this model: the model has no output 'logits'");
}

}  // namespace
}  // namespace lanewise::decode
