// Encoders and decoders of torch.nn.GRU and LSTM against PyTorch
// (tests/reference/make_rnn_seq2seq_golden.py), and what their configs may say.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/session.hpp"
#include "runtime/text/tokenizer.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hashed_weights.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

/// Of the largest magnitude in PyTorch's f32 output.
constexpr double kTolerance = 2e-5;

// The script's constants.
constexpr int64_t kSourceTokens = 23;
constexpr int64_t kTargetTokens = 21;
constexpr int64_t kSourceWidth = 18;
constexpr int64_t kTargetWidth = 14;
constexpr int64_t kUnits = 19;
constexpr int64_t kDepth = 13;
constexpr int64_t kConcat = 17;
constexpr int64_t kNewTokens = 12;
constexpr float kScale = 4.0F;

struct Case {
  std::string name;
  std::string cell;
  int64_t layers;
  bool bidirectional;
  std::string merge;
  std::string init;
  std::string attention;  // Empty: none.

  bool lstm() const { return cell == "lstm"; }
  int64_t decoder_units() const { return init == "concat_directions" ? 2 * kUnits : kUnits; }
  int64_t memory() const { return bidirectional && merge == "concat" ? 2 * kUnits : kUnits; }
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"gru", "gru", 1, false, "concat", "last", ""},
      {"gru2", "gru", 2, false, "concat", "last", "dot"},
      {"gru_bi_concat", "gru", 1, true, "concat", "concat_directions", "dot"},
      {"gru2_bi_sum", "gru", 2, true, "sum", "first_layers", "general"},
      {"gru_bi_general", "gru", 1, true, "concat", "first_layers", "general"},
      {"lstm", "lstm", 1, false, "concat", "last", ""},
      {"lstm2_bi_concat", "lstm", 2, true, "concat", "concat_directions", "additive"},
      {"lstm_bi_sum", "lstm", 1, true, "sum", "first_layers", "dot"},
      {"lstm2", "lstm", 2, false, "concat", "last", "additive"},
  };
  return all;
}

const Case& find_case(const std::string& name) {
  return *std::ranges::find(cases(), name, &Case::name);
}

/// The state dict that the script computes too.
class StateDict {
 public:
  explicit StateDict(const Case& c) {
    add("encoder.embedding.weight", {kSourceTokens, kSourceWidth});
    add("decoder.embedding.weight", {kTargetTokens, kTargetWidth});
    rnn("encoder.rnn", c, kSourceWidth, kUnits, c.bidirectional);
    rnn("decoder.rnn", c, kTargetWidth, c.decoder_units(), false);
    int64_t width = c.decoder_units();
    if (c.attention == "general") add("decoder.attention.weight", {width, c.memory()});
    if (c.attention == "additive") {
      add("decoder.attention.query.weight", {kDepth, width});
      add("decoder.attention.key.weight", {kDepth, c.memory()});
      add("decoder.attention.value.weight", {1, kDepth});
    }
    if (!c.attention.empty()) {
      linear("decoder.concat", kConcat, width + c.memory());
      width = kConcat;
    }
    linear("decoder.out", kTargetTokens, width);
  }

  TensorMap take() && { return std::move(tensors_); }

 private:
  void add(const std::string& name, const Shape& shape) {
    Tensor tensor = torch_weight(name, shape);
    for (int64_t i = 0; i < *element_count(shape); ++i) tensor.as<float>()[i] *= kScale;
    tensors_[name] = std::move(tensor);
  }

  void linear(const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }

  void rnn(const std::string& name, const Case& c, int64_t width, int64_t units,
           bool bidirectional) {
    const int64_t rows = (c.lstm() ? 4 : 3) * units;
    for (int64_t layer = 0; layer < c.layers; ++layer) {
      for (const std::string suffix : {"", "_reverse"}) {
        if (!suffix.empty() && !bidirectional) continue;
        const std::string end = "_l" + std::to_string(layer) + suffix;
        add(name + ".weight_ih" + end, {rows, width});
        add(name + ".weight_hh" + end, {rows, units});
        add(name + ".bias_ih" + end, {rows});
        add(name + ".bias_hh" + end, {rows});
      }
      width = bidirectional ? 2 * units : units;
    }
  }

  TensorMap tensors_;
};

class RnnSeq2SeqTest : public CheckpointFolderTest {
 protected:
  void use(const Case& c) {
    tensors_ = StateDict(c).take();
    config_ = {{"model_type", "\"rnn_seq2seq\""},
               {"cell", '"' + c.cell + '"'},
               {"num_layers", std::to_string(c.layers)},
               {"bidirectional", c.bidirectional ? "true" : "false"},
               {"bidirectional_merge", '"' + c.merge + '"'},
               {"decoder_init", '"' + c.init + '"'},
               {"attention", c.attention.empty() ? "null" : '"' + c.attention + '"'},
               {"bos_token_id", "1"},
               {"eos_token_id", "2"},
               {"pad_token_id", "0"}};
  }

  void write() {
    write_config();
    write_tensors("model.safetensors", tensors_);
  }

  Model loaded() {
    write();
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  }

  std::string refused(StatusCode code = StatusCode::kInvalidArgument) {
    write();
    return failure(code);
  }
};

class RnnSeq2SeqGoldenTest : public RnnSeq2SeqTest, public testing::WithParamInterface<Case> {
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

INSTANTIATE_TEST_SUITE_P(Cases, RnnSeq2SeqGoldenTest, testing::ValuesIn(cases()),
                         [](const auto& parameter) { return parameter.param.name; });

/// Rows of a matrix of ids, each up to its first -1.
std::vector<Ids> rows_of(const Tensor& matrix) {
  std::vector<Ids> rows;
  const int64_t width = matrix.shape()[1];
  for (int64_t r = 0; r < matrix.shape()[0]; ++r) {
    const int32_t* row = matrix.as<int32_t>() + r * width;
    rows.emplace_back(row, std::find(row, row + width, -1));
  }
  return rows;
}

void expect_close(const Tensor& found, const Tensor& expected, const std::string& name) {
  ASSERT_EQ(found.shape(), expected.shape()) << name;
  double magnitude = 0;
  double difference = 0;
  for (int64_t i = 0; i < *element_count(expected.shape()); ++i) {
    const double x = expected.as<float>()[i];
    magnitude = std::max(magnitude, std::abs(x));
    difference = std::max(difference, std::abs(x - double{found.as<float>()[i]}));
  }
  EXPECT_LE(difference, kTolerance * magnitude) << name;
  EXPECT_GT(magnitude, 0.1) << name;
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
      expect_close(found->at(name), expected(name), name);
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
    // Any tokens: those of another sequence.
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
  options.max_new_tokens = kNewTokens;
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

/// The score of a hypothesis is what teacher forcing gives its tokens: beams of several sources
/// begin with the right states and go on from the right ones.
TEST_P(RnnSeq2SeqGoldenTest, BeamsHaveTheScoresOfTheirTokens) {
  const Model model = loaded();
  const std::vector<Ids> sources = rows_of(golden().at("sources"));
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = kNewTokens;
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

TEST_F(RnnSeq2SeqTest, SaysWhatTheModelIs) {
  use(find_case("lstm2_bi_concat"));
  const ModelInfo info = loaded().info();
  EXPECT_EQ(info.family, "rnn_seq2seq");
  EXPECT_EQ(info.task, "translation");
  EXPECT_EQ(info.vocabulary_size, kSourceTokens);
  EXPECT_EQ(info.target_vocabulary_size, kTargetTokens);
  EXPECT_EQ(info.max_target_tokens, 5000);
  EXPECT_EQ(info.generation.decoder_start_token_id, 1);
  ASSERT_EQ(info.outputs.size(), 2U);
  EXPECT_EQ(info.outputs[0].name, "encoder_last_hidden_state");
  EXPECT_EQ(info.outputs[0].features, 2 * kUnits);
}

TEST_F(RnnSeq2SeqTest, WhatShapesTellNeedNotBeSaid) {
  for (const Case& c : cases()) {
    use(c);
    write();
    const std::string said = textbook_graph();
    for (const char* field :
         {"cell", "num_layers", "bidirectional", "bidirectional_merge", "decoder_init"}) {
      config_.erase(field);
    }
    write();
    // Where nothing attends to the encoder's outputs, nothing tells how they are merged.
    EXPECT_EQ(textbook_graph(), said) << c.name;
  }
}

TEST_F(RnnSeq2SeqTest, TakesMinimalModules) {
  use(find_case("lstm"));
  std::erase_if(tensors_,
                [](const auto& entry) { return entry.first.find(".bias") != std::string::npos; });
  loaded();
  EXPECT_TRUE(reports_.size() == 1 && reported("takes token ids"));
}

TEST_F(RnnSeq2SeqTest, TakesBiasesOfScoresAndIgnoresThoseThatChangeNothing) {
  use(find_case("lstm2"));
  set_tensor("decoder.attention.query.bias", {kDepth});
  set_tensor("decoder.attention.key.bias", {kDepth});
  set_tensor("decoder.attention.value.bias", {1});
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(out.weight("decoder.attention.query", "bias").shape, Shape{kDepth});
  EXPECT_TRUE(reported("'decoder.attention.value.bias'"));
  EXPECT_FALSE(reported("query.bias"));
}

TEST_F(RnnSeq2SeqTest, KeysSayWhatTheFileCallsItsTensors) {
  use(find_case("gru"));
  TensorMap renamed;
  for (auto& [name, tensor] : tensors_) {
    std::string theirs = name;
    if (name.starts_with("decoder.rnn.")) theirs = "generator." + name.substr(12);
    if (name == "encoder.rnn.weight_hh_l0") theirs = "enc_w_hh";
    renamed[theirs] = std::move(tensor);
  }
  tensors_ = std::move(renamed);
  config_["keys"] = R"({"decoder.rnn.": "generator.", "encoder.rnn.weight_hh_l0": "enc_w_hh"})";
  EXPECT_EQ(loaded().info().vocabulary_size, kSourceTokens);
}

TEST_F(RnnSeq2SeqTest, PutsTokensAroundSources) {
  use(find_case("gru"));
  std::string source = R"(["<pad>", "<s>", "</s>")";
  for (char c = 'a'; c < 'a' + kSourceTokens - 3; ++c) source += std::string(", \"") + c + '"';
  std::string target = R"(["<pad>", "<s>", "</s>")";
  for (int i = 3; i < kTargetTokens; ++i) target += ", \"T" + std::to_string(i) + '"';
  config_["source_vocabulary"] = source + "]";
  config_["target_vocabulary"] = target + "]";
  config_["source_split"] = "\"characters\"";
  config_["source_bos_token_id"] = "1";
  config_["source_eos_token_id"] = "2";
  write();
  const auto tokenizer = text::parse_tokenizer(converted().tokenizer());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto encoding = (*tokenizer)->encode("ca", {});
  ASSERT_TRUE(encoding.ok()) << encoding.status().message();
  Ids ids;
  for (const auto& token : encoding->tokens) ids.push_back(token.id);
  EXPECT_EQ(ids, (Ids{1, 5, 3, 2}));
  std::filesystem::remove(destination());
  config_["source_eos_token_id"] = std::to_string(kSourceTokens);
  EXPECT_TRUE(has(refused(), "'source_eos_token_id' must be an integer from 0 to 22"));
}

TEST_F(RnnSeq2SeqTest, RefusesWhatContradictsTheShapes) {
  struct Bad {
    const char* model;
    const char* field;
    const char* value;
    std::vector<const char*> message;
  };
  const Bad fields[] = {
      {"gru", "cell", "\"lstm\"", {"'cell' must be \"gru\"", "'encoder.rnn.weight_hh_l0'"}},
      {"gru", "cell", "\"rnn\"", {"'cell' must be \"gru\""}},
      {"gru2", "num_layers", "1", {"'num_layers' must be 2, as 'encoder.rnn' has"}},
      {"gru2", "num_decoder_layers", "3", {"'num_decoder_layers' must be 2, as 'decoder.rnn'"}},
      {"gru", "hidden_size", "20", {"'hidden_size' must be 19"}},
      {"gru", "bidirectional", "true", {"'bidirectional' must be false", "weight_ih_l0_reverse'"}},
      {"lstm_bi_sum", "bidirectional", "false", {"'bidirectional' must be true"}},
      {"lstm_bi_sum", "bidirectional_merge", "\"mean\"", {"one of \"concat\", \"sum\""}},
      {"lstm_bi_sum",
       "bidirectional_merge",
       "\"concat\"",
       {"'bidirectional_merge' must be \"sum\"", "'decoder.concat.weight' has 38 columns"}},
      {"gru_bi_concat",
       "decoder_init",
       "\"last\"",
       {"'decoder_init' 'last' does not fit", "1 bidirectional layer of 19 units",
        "'decoder.rnn' has 1 layer of 38 units"}},
      {"gru", "decoder_init", "\"first\"", {"'decoder_init' must be one of"}},
      {"gru", "decoder_init", "\"concat_directions\"", {"does not fit"}},
      {"gru2", "attention", "null", {"'attention' must be given", "'decoder.concat.weight'"}},
      {"gru2", "attention", "\"bahdanau\"", {"\"dot\", \"general\", \"additive\""}},
      {"gru_bi_general", "attention", "\"dot\"", {"'attention' 'dot' needs", "38 features"}},
  };
  for (const Bad& bad : fields) {
    use(find_case(bad.model));
    config_[bad.field] = bad.value;
    const std::string message = refused();
    for (const char* part : bad.message) {
      EXPECT_TRUE(has(message, part)) << bad.field << " " << bad.value;
    }
  }
}

TEST_F(RnnSeq2SeqTest, NamesTensorsThatAreMissingOrMisshaped) {
  use(find_case("gru2"));
  tensors_.erase("encoder.rnn.weight_hh_l0");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'encoder.rnn.weight_hh_l0' is missing"));
  use(find_case("gru2"));
  tensors_.erase("decoder.concat.weight");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'decoder.concat.weight'"));
  use(find_case("gru2"));
  set_tensor("encoder.rnn.weight_hh_l0", {2 * kUnits, kUnits});
  EXPECT_TRUE(has(refused(), "'encoder.rnn.weight_hh_l0'", "expected 3 rows a column"));
  use(find_case("gru2"));
  set_tensor("decoder.rnn.weight_ih_l1", {3 * kUnits, kUnits + 1});
  EXPECT_TRUE(has(refused(), "'decoder.rnn.weight_ih_l1' expected [57, 19], file has [57, 20]"));
  use(find_case("gru2"));
  rename_tensor("encoder.rnn.weight_ih_l1", "encoder.rnn.weight_ih_l2");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'encoder.rnn.weight_ih_l1' is missing"));
  use(find_case("gru2"));
  set_tensor("decoder.rnn.weight_ih_l0_reverse", {3 * kUnits, kTargetWidth});
  EXPECT_TRUE(has(refused(StatusCode::kUnsupported), "a decoder cannot go backwards"));
  use(find_case("gru"));
  for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    const bool bias = std::string(part).starts_with("bias");
    const std::string name = std::string("decoder.rnn.") + part + "_l0";
    set_tensor(name,
               bias ? Shape{4 * kUnits}
                    : Shape{4 * kUnits, part == std::string("weight_ih") ? kTargetWidth : kUnits});
  }
  config_.erase("cell");
  EXPECT_TRUE(has(refused(), "'encoder.rnn' is a gru, 'decoder.rnn' is a lstm"));
}

}  // namespace
}  // namespace lanewise::converters
