// Encoders and decoders of torch.nn.GRU and LSTM against PyTorch
// (tests/reference/make_rnn_seq2seq_golden.py).

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/session.hpp"
#include "tests/converters/golden_compare.hpp"
#include "tests/converters/hashed_weights.hpp"
#include "tests/converters/rnn_checkpoint.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

/// Relative to the largest magnitude in PyTorch's f32 output.
constexpr double kRnnSeq2seqGoldenTolerance = 2e-5;
constexpr int64_t kRnnSeq2seqGoldenNewTokens = 12;

class RnnSeq2SeqGoldenTest : public RnnSeq2SeqTest, public testing::WithParamInterface<RnnCase> {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    use(GetParam());
  }

  static const TensorMap& golden() {
    static const TensorMap tensors = data_tensors("rnn_seq2seq/golden.safetensors");
    return tensors;
  }
  static const Tensor& expected(const std::string& name) {
    return golden().at(GetParam().name + "." + name);
  }
};

INSTANTIATE_TEST_SUITE_P(Cases, RnnSeq2SeqGoldenTest, testing::ValuesIn(rnn_cases()),
                         [](const auto& parameter) { return parameter.param.name; });

void expect_rnn_seq2seq_golden_close(const Tensor& found, const Tensor& expected,
                                     const std::string& name) {
  ASSERT_EQ(found.shape(), expected.shape()) << name;
  const Difference difference = difference_of(found, expected);
  EXPECT_LE(difference.largest, kRnnSeq2seqGoldenTolerance * difference.magnitude) << name;
  EXPECT_GT(difference.magnitude, 0.1) << name;
}

TEST_P(RnnSeq2SeqGoldenTest, LogitsAgreeWithPyTorch) {
  const Model model = loaded();
  EXPECT_TRUE(reports_.size() == 1 && reported("takes token ids")) << reports_.size();
  TensorMap inputs;
  for (const char* name :
       {"input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"}) {
    inputs[name] = golden().at(name);
  }
  for (const int threads : {1, 2}) {
    Result<Session> session = Session::create(model, {.threads = threads, .outputs = {}});
    ASSERT_TRUE(session.ok()) << session.status().message();
    const Result<TensorMap> found = session->run(inputs);
    ASSERT_TRUE(found.ok()) << found.status().message();
    for (const char* name : {"logits", "encoder_last_hidden_state"}) {
      expect_rnn_seq2seq_golden_close(found->at(name), expected(name), name);
    }
  }
}

/// The logits' bits of each sequence.
std::vector<std::vector<float>> logits_of(Session& session, const RaggedBatch& batch) {
  const Status status = session.run_ragged(batch);
  EXPECT_TRUE(status.ok()) << status.message();
  const Session::Rows rows = *session.output("logits");
  std::vector<std::vector<float>> result;
  int64_t row = 0;
  for (const int32_t length : batch.decoder_lengths) {
    std::vector<float>& logits = result.emplace_back();
    for (int32_t i = 0; i < length; ++i, ++row) {
      const float* first = rows.data + row * rows.stride;
      logits.insert(logits.end(), first, first + rows.features);
    }
  }
  return result;
}

TEST_P(RnnSeq2SeqGoldenTest, ASequencesBitsAreItsOwn) {
  const Model model = loaded();
  const std::vector<Ids> sources = rows_of(golden().at("sources"));
  Ids ids, lengths, decoder_ids, decoder_lengths;
  for (const Ids& source : sources) {
    ids.insert(ids.end(), source.begin(), source.end());
    lengths.push_back(static_cast<int32_t>(source.size()));
    // Arbitrary tokens: those of another sequence.
    const Ids& other = sources[source.size() % sources.size()];
    for (const int32_t id : other) decoder_ids.push_back(id % kTargetTokens);
    decoder_lengths.push_back(static_cast<int32_t>(other.size()));
  }
  std::vector<std::vector<float>> first;
  for (const int threads : {1, 2}) {
    Result<Session> session = Session::create(model, {.threads = threads, .outputs = {"logits"}});
    ASSERT_TRUE(session.ok()) << session.status().message();
    const auto together = logits_of(*session, {.ids = ids,
                                               .type_ids = {},
                                               .lengths = lengths,
                                               .decoder_ids = decoder_ids,
                                               .decoder_lengths = decoder_lengths});
    if (first.empty()) first = together;
    size_t begin = 0;
    size_t decoder_begin = 0;
    for (size_t s = 0; s < sources.size(); ++s) {
      const auto count = static_cast<size_t>(lengths[s]);
      const auto decoder_count = static_cast<size_t>(decoder_lengths[s]);
      const auto alone = logits_of(
          *session, {.ids = std::span(ids).subspan(begin, count),
                     .type_ids = {},
                     .lengths = {&lengths[s], 1},
                     .decoder_ids = std::span(decoder_ids).subspan(decoder_begin, decoder_count),
                     .decoder_lengths = {&decoder_lengths[s], 1}});
      for (const std::vector<float>* logits : {&together[s], std::as_const(first).data() + s}) {
        ASSERT_EQ(alone[0].size(), logits->size());
        EXPECT_EQ(std::memcmp(alone[0].data(), logits->data(), logits->size() * sizeof(float)), 0)
            << s;
      }
      begin += count;
      decoder_begin += decoder_count;
    }
  }
}

TEST_P(RnnSeq2SeqGoldenTest, FindsPyTorchsSequences) {
  const Model model = loaded();
  const std::vector<Ids> sources = rows_of(golden().at("sources"));
  const std::vector<Ids> ids = rows_of(expected("greedy_ids"));
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = kRnnSeq2seqGoldenNewTokens;
  for (const int threads : {1, 2}) {
    Result<Generator> generator = Generator::create(model, {.threads = threads, .outputs = {}});
    ASSERT_TRUE(generator.ok()) << generator.status().message();
    const auto found = generator->generate(sources, options);
    ASSERT_TRUE(found.ok()) << found.status().message();
    for (size_t i = 0; i < sources.size(); ++i) {
      EXPECT_EQ((*found)[i].hypotheses.at(0).ids, ids[i]) << i;
    }
  }
}

/// The score of a hypothesis equals that of its tokens under teacher forcing: beams of several
/// sources start from the right states and continue the right ones.
TEST_P(RnnSeq2SeqGoldenTest, BeamsHaveTheScoresOfTheirTokens) {
  const Model model = loaded();
  const std::vector<Ids> sources = rows_of(golden().at("sources"));
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = kRnnSeq2seqGoldenNewTokens;
  options.beams = 3;
  options.num_return_sequences = 3;
  Result<Generator> generator = Generator::create(model, {.threads = 2, .outputs = {}});
  ASSERT_TRUE(generator.ok()) << generator.status().message();
  Result<Session> session = Session::create(model, {.threads = 1, .outputs = {"logits"}});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto found = generator->generate(sources, options);
  ASSERT_TRUE(found.ok()) << found.status().message();
  for (size_t i = 0; i < sources.size(); ++i) {
    const auto length = static_cast<int32_t>(sources[i].size());
    for (const Hypothesis& hypothesis : (*found)[i].hypotheses) {
      Ids next = hypothesis.ids;
      if (hypothesis.finish_reason == FinishReason::kEos) next.push_back(2);
      Ids given{1};
      given.insert(given.end(), next.begin(), next.end() - 1);
      const auto count = static_cast<int32_t>(given.size());
      const std::vector<float> logits = logits_of(*session, {.ids = sources[i],
                                                             .type_ids = {},
                                                             .lengths = {&length, 1},
                                                             .decoder_ids = given,
                                                             .decoder_lengths = {&count, 1}})[0];
      double score = 0;
      for (size_t t = 0; t < next.size(); ++t) {
        const float* row = logits.data() + t * kTargetTokens;
        double sum = 0;
        for (int64_t v = 0; v < kTargetTokens; ++v) sum += std::exp(double{row[v]});
        score += double{row[next[t]]} - std::log(sum);
      }
      EXPECT_NEAR(hypothesis.score, score / static_cast<double>(next.size()), 1e-5) << i;
    }
  }
}

}  // namespace
}  // namespace lanewise::converters
