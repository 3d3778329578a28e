// The configs of encoders and decoders of torch.nn.GRU and LSTM. rnn_seq2seq_golden_test.cpp
// compares their results with PyTorch.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/text/tokenizer.hpp"
#include "tests/converters/rnn_checkpoint.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

TEST_F(RnnSeq2SeqTest, SaysWhatTheModelIs) {
  use(find_rnn_case("lstm2_bi_concat"));
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
  for (const RnnCase& c : rnn_cases()) {
    use(c);
    write();
    const std::string said = textbook_graph();
    for (const char* field :
         {"cell", "num_layers", "bidirectional", "bidirectional_merge", "decoder_init"}) {
      config_.erase(field);
    }
    write();
    // If nothing attends to the encoder's outputs, the checkpoint does not tell how they are
    // merged.
    EXPECT_EQ(textbook_graph(), said) << c.name;
  }
}

TEST_F(RnnSeq2SeqTest, TakesMinimalModules) {
  use(find_rnn_case("lstm"));
  std::erase_if(tensors_,
                [](const auto& entry) { return entry.first.find(".bias") != std::string::npos; });
  loaded();
  EXPECT_TRUE(reports_.size() == 1 && reported("takes token ids"));
}

TEST_F(RnnSeq2SeqTest, TakesBiasesOfScoresAndIgnoresThoseThatChangeNothing) {
  use(find_rnn_case("lstm2"));
  set_tensor("decoder.attention.query.bias", {kDepth});
  set_tensor("decoder.attention.key.bias", {kDepth});
  set_tensor("decoder.attention.value.bias", {1});
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(out.weight("decoder.attention.query", "bias").shape, Shape{kDepth});
  EXPECT_TRUE(reported("'decoder.attention.value.bias'"));
  EXPECT_FALSE(reported("query.bias"));
}

TEST_F(RnnSeq2SeqTest, WhatItDoesNotReadIsAnErrorUnlessIgnored) {
  use(find_rnn_case("gru"));
  set_tensor("decoder.copy.weight", {2, 2});
  EXPECT_TRUE(has(refused(), "a tensor is not read: 'decoder.copy.weight'"));
  config_["ignore"] = R"(["decoder.copy."])";
  loaded();
  EXPECT_FALSE(reported("unknown field"));
}

TEST_F(RnnSeq2SeqTest, KeysSayWhatTheFileCallsItsTensors) {
  use(find_rnn_case("gru"));
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
  use(find_rnn_case("gru"));
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
  EXPECT_TRUE(has(refused(), "'source_eos_token_id': expected an integer from 0 to 22"));
}

TEST_F(RnnSeq2SeqTest, RefusesWhatContradictsTheShapes) {
  struct Bad {
    const char* model;
    const char* field;
    const char* value;
    std::vector<const char*> message;
  };
  const Bad fields[] = {
      {"gru", "cell", "\"lstm\"", {"'cell': expected \"gru\"", "'encoder.rnn.weight_hh_l0'"}},
      {"gru", "cell", "\"rnn\"", {"'cell': expected \"gru\""}},
      {"gru2", "num_layers", "1", {"'num_layers': expected 2, as 'encoder.rnn' has"}},
      {"gru2", "num_decoder_layers", "3", {"'num_decoder_layers': expected 2, as 'decoder.rnn'"}},
      {"gru2",
       "num_layers",
       "\"2\"",
       {"'num_layers': expected 2, as 'encoder.rnn' has, found '2'"}},
      {"gru2", "num_encoder_layers", "[2]", {"'num_encoder_layers': expected 2", "found an array"}},
      {"gru", "hidden_size", "20", {"'hidden_size': expected 19"}},
      {"gru", "hidden_size", "-19", {"'hidden_size': expected 19", "found -19"}},
      {"gru", "hidden_size", "19.0", {"'hidden_size': expected 19", "found 19.0"}},
      {"gru",
       "bidirectional",
       "true",
       {"'bidirectional': expected false", "weight_ih_l0_reverse'"}},
      {"lstm_bi_sum", "bidirectional", "false", {"'bidirectional': expected true"}},
      {"lstm_bi_sum", "bidirectional_merge", "\"mean\"", {"one of \"concat\", \"sum\""}},
      {"lstm_bi_sum",
       "bidirectional_merge",
       "\"concat\"",
       {"'bidirectional_merge': expected \"sum\"", "'decoder.concat.weight' has 38 columns"}},
      {"gru_bi_concat",
       "decoder_init",
       "\"last\"",
       {"'decoder_init' 'last' does not fit", "1 bidirectional layer of 19 units",
        "'decoder.rnn' has 1 layer of 38 units"}},
      {"gru", "decoder_init", "\"first\"", {"'decoder_init': expected one of"}},
      {"gru", "decoder_init", "\"concat_directions\"", {"does not fit"}},
      {"gru2", "attention", "null", {"'attention': expected a value", "'decoder.concat.weight'"}},
      {"gru2", "attention", "\"bahdanau\"", {"\"dot\", \"general\", \"additive\""}},
      {"gru_bi_general", "attention", "\"dot\"", {"'attention' 'dot' needs", "38 features"}},
  };
  for (const Bad& bad : fields) {
    use(find_rnn_case(bad.model));
    config_[bad.field] = bad.value;
    const std::string message = refused();
    for (const char* part : bad.message) {
      EXPECT_TRUE(has(message, part)) << bad.field << " " << bad.value;
    }
  }
}

TEST_F(RnnSeq2SeqTest, RefusesTokensAndLengthsThatCannotBe) {
  struct Bad {
    const char* field;
    const char* value;
    const char* message;
  };
  const Bad fields[] = {
      {"max_length", "0", "'max_length': expected an integer from 1 to 2147483647, found 0"},
      {"max_length", "\"9\"", "'max_length': expected an integer from 1 to 2147483647, found '9'"},
      {"bos_token_id", "21", "'bos_token_id': expected an integer from 0 to 20, found 21"},
      {"bos_token_id", "[1]", "'bos_token_id': expected an integer from 0 to 20, found an array"},
      {"eos_token_id", "[2, 21]", "from 0 to 20, found an array with 21"},
      {"eos_token_id", "-1",
       "'eos_token_id': expected an integer or an array of integers from 0 to 20"},
      {"pad_token_id", "-1", "'pad_token_id': expected an integer from 0 to 2147483646, found -1"},
      {"bidirectional", "0", "'bidirectional': expected true or false, found 0"},
      {"cell", "7", "'cell': expected a string, found 7"},
      {"keys", "[]", "'keys': expected an object of strings, found an array"},
      {"keys", R"({"decoder.rnn.": 3})", "'keys': expected an object of strings, found an object"},
      {"source_vocabulary", "[]",
       "'target_vocabulary': expected a value, since 'source_vocabulary'"},
  };
  for (const Bad& bad : fields) {
    use(find_rnn_case("gru"));
    config_[bad.field] = bad.value;
    EXPECT_TRUE(has(refused(), bad.message)) << bad.field << " " << bad.value;
  }
  use(find_rnn_case("gru"));
  put("generation_config.json", R"({"forced_eos_token_id": [2, 21]})");
  EXPECT_TRUE(has(validate(loaded().info().generation, kTargetTokens).message(),
                  "generation_config.json'", "from 0 to 20, found an array with 21"));
}

TEST_F(RnnSeq2SeqTest, RefusesVocabulariesThatAreNotTheTables) {
  struct Bad {
    const char* source;
    const char* message;
  };
  const Bad vocabularies[] = {
      {R"(["a", "b"])", "'source_vocabulary' has 2 tokens, 'encoder.embedding.weight' has 23 rows"},
      {R"([])", "'source_vocabulary' has 0 tokens"},
      {R"(["a", 1])", "'source_vocabulary': expected a list of tokens, or the name of a file"},
      {R"({"a": 0})", "'source_vocabulary': expected a list of tokens, or the name of a file"},
      {R"("../words.txt")", "'source_vocabulary': expected a file beside the config"},
  };
  use(find_rnn_case("gru"));
  config_["target_vocabulary"] = R"(["x"])";
  for (const Bad& bad : vocabularies) {
    config_["source_vocabulary"] = bad.source;
    EXPECT_TRUE(has(refused(), bad.message)) << bad.source;
  }
  config_["source_vocabulary"] = R"("words.txt")";
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "words.txt'"));
  std::string words;
  for (int i = 0; i < kSourceTokens; ++i) words += "w" + std::to_string(i) + "\n";
  put("words.txt", words);
  EXPECT_TRUE(
      has(refused(), "'target_vocabulary' has 1 tokens, 'decoder.embedding.weight' has 21"));
  config_["unk_token"] = R"("<unk>")";
  EXPECT_TRUE(
      has(refused(), "'unk_token': expected a token of 'source_vocabulary', found '<unk>'"));
  config_.erase("unk_token");
  put("words.txt", words + "w3\n");
  EXPECT_TRUE(has(refused(), "'source_vocabulary' has 24 tokens"));
  words.replace(words.find("w9"), 2, "w3");
  put("words.txt", words);
  EXPECT_TRUE(has(refused(), "token 9 is 'w3', as token 3 is"));
}

TEST_F(RnnSeq2SeqTest, ReportsFieldsThatItDoesNotKnow) {
  use(find_rnn_case("gru"));
  config_["coverage"] = "true";
  loaded();
  EXPECT_TRUE(reported("unknown field 'coverage' is ignored"));
}

TEST_F(RnnSeq2SeqTest, NamesTensorsThatAreMissingOrMisshaped) {
  use(find_rnn_case("gru2"));
  tensors_.erase("encoder.rnn.weight_hh_l0");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'encoder.rnn.weight_hh_l0' is missing"));
  use(find_rnn_case("gru2"));
  tensors_.erase("decoder.concat.weight");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'decoder.concat.weight'"));
  use(find_rnn_case("gru2"));
  set_tensor("encoder.rnn.weight_hh_l0", {2 * kUnits, kUnits});
  EXPECT_TRUE(has(refused(), "'encoder.rnn.weight_hh_l0'", "expected 3 rows per column"));
  use(find_rnn_case("gru2"));
  set_tensor("decoder.rnn.weight_ih_l1", {3 * kUnits, kUnits + 1});
  EXPECT_TRUE(has(refused(), "'decoder.rnn.weight_ih_l1' expected [57, 19], file has [57, 20]"));
  use(find_rnn_case("gru2"));
  rename_tensor("encoder.rnn.weight_ih_l1", "encoder.rnn.weight_ih_l2");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'encoder.rnn.weight_ih_l1' is missing"));
  use(find_rnn_case("gru2"));
  set_tensor("decoder.rnn.weight_ih_l0_reverse", {3 * kUnits, kTargetWidth});
  EXPECT_TRUE(has(refused(StatusCode::kUnsupported), "a decoder cannot run backwards"));
  use(find_rnn_case("gru"));
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
