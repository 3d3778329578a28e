// Checkpoints of classes with an unsupported head: refused, unless only the encoder is wanted.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "lanewise/session.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {
namespace {

class HeadsTest : public CheckpointFolderTest {
 protected:
  void set_architecture(const std::string& name) {
    config_["architectures"] = "[\"" + name + "\"]";
  }

  void use(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
  }

  /// The bytes of the converted folder.
  std::string converted_bytes() {
    const std::string bytes = bytes_of(converted());
    std::filesystem::remove(destination());
    return bytes;
  }

  Status loaded_status() { return load(source_.string(), options_).status(); }
};

TEST_F(HeadsTest, BertsClassesAreNamed) {
  for (const char* const name : {"BertForMultipleChoice", "BertLMHeadModel",
                                 "BertForNextSentencePrediction", "MyBertForRanking"}) {
    set_architecture(name);
    write_all();
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "config.json'",
                    "'" + std::string(name) + "'", "head", "--as encoder"));
    EXPECT_EQ(loaded_status().code(), StatusCode::kUnsupported);
  }
}

TEST_F(HeadsTest, BertsHeadsAreToldByTheirTensorsToo) {
  add_prefix("bert.");
  const TensorMap model = tensors_;
  for (const char* const name : {"cls.seq_relationship.weight", "classifier.weight",
                                 "classifier.out_proj.weight", "score.weight"}) {
    tensors_ = model;
    set_tensor(name, {2, kHidden});
    write_all();
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "head", "'" + std::string(name) + "'"));
    add_prefix("inside.");
    write_all();
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'inside." + std::string(name) + "'"));
  }
}

TEST_F(HeadsTest, WithoutOneNothingIsAsked) {
  write_all();
  const std::string expected = converted_bytes();
  for (const char* const name : {"BertModel", "MyEncoder"}) {
    set_architecture(name);
    write_all();
    EXPECT_EQ(converted_bytes(), expected) << name;
  }
  options_.as = "encoder";
  EXPECT_EQ(converted_bytes(), expected);
}

TEST_F(HeadsTest, TheEncoderAloneIsWhatItIsWithoutTheHead) {
  add_pooler();
  add_prefix("bert.");
  write_all();
  const std::string expected = converted_bytes();
  set_architecture("BertForMultipleChoice");
  set_tensor("classifier.weight", {2, kHidden});
  write_all();
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'BertForMultipleChoice'",
                  "(tensor 'classifier.weight')"));
  options_.as = "encoder";
  EXPECT_EQ(converted_bytes(), expected);
  EXPECT_TRUE(reported("1 tensor is unused: 'classifier.weight'"));
  set_architecture("BertForSequenceClassification");
  write_config();
  EXPECT_EQ(converted_bytes(), expected);
  EXPECT_TRUE(loaded_status().ok());
  options_.as = "decoder";
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'decoder'", "known: encoder"));
}

TEST_F(HeadsTest, ASentenceTransformersFolderMeansTheEncoder) {
  set_architecture("BertForMaskedLM");
  set_tensor("cls.predictions.bias", {kVocabulary});
  write_all();
  put("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  put("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                          {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}])");
  EXPECT_EQ(converted().graph.outputs.count("sentence_embedding"), 1U);
}

TEST_F(HeadsTest, EncoderDecodersWithOtherHeadsAreNamed) {
  const std::pair<const char*, const char*> classes[] = {
      {"bart", "BartForSequenceClassification"},
      {"bart", "BartForQuestionAnswering"},
      {"bart", "BartForCausalLM"},
      {"mbart", "MBartForSequenceClassification"},
      {"t5", "T5ForSequenceClassification"},
      {"t5", "T5ForTokenClassification"},
      {"t5", "T5ForQuestionAnswering"}};
  for (const auto& [variant, name] : classes) {
    use(variant);
    set_architecture(name);
    write();
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'" + std::string(name) + "'", "head"));
  }
}

TEST_F(HeadsTest, EncoderDecodersHeadsAreToldByTheirTensorsToo) {
  const std::pair<const char*, const char*> heads[] = {{"bart", "classification_head.dense.weight"},
                                                       {"bart", "qa_outputs.weight"},
                                                       {"t5", "classification_head.dense.weight"},
                                                       {"t5", "classifier.weight"}};
  for (const auto& [variant, name] : heads) {
    use(variant);
    tensors_[name] = hf_weight("x", {3, 3}, 0);
    write();
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "head", "'" + std::string(name) + "'"));
  }
}

/// The output `name` for two sources.
Tensor output_of(const Model& model, const std::string& name) {
  Tensor ids(DataType::kI64, {2, 5});
  for (int64_t i = 0; i < 10; ++i) ids.as<int64_t>()[i] = 3 + 5 * i;
  Result<Session> session = Session::create(model, {.threads = 1, .outputs = {name}});
  EXPECT_TRUE(session.ok()) << session.status().message();
  Result<TensorMap> outputs = session->run({{"input_ids", ids}});
  EXPECT_TRUE(outputs.ok()) << outputs.status().message();
  return std::move(outputs->at(name));
}

TEST_F(HeadsTest, T5sEncoderAloneComputesWhatTheWholeDoes) {
  use("t5");
  write();
  const Result<Model> whole = load(source_.string(), options_);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  const Tensor expected = output_of(*whole, "encoder_last_hidden_state");
  const auto expect_encoder = [&](const std::string& what) {
    write();
    const Result<Model> encoder = load(source_.string(), options_);
    ASSERT_TRUE(encoder.ok()) << what << encoder.status().message();
    EXPECT_EQ(encoder->info().target_vocabulary_size, 0) << what;
    EXPECT_EQ(encoder->info().task, "embedding") << what;
    const Tensor found = output_of(*encoder, "last_hidden_state");
    ASSERT_EQ(found.shape(), expected.shape()) << what;
    const auto count = static_cast<size_t>(*element_count(found.shape()));
    EXPECT_TRUE(std::equal(found.as<float>(), found.as<float>() + count, expected.as<float>()))
        << what;
  };
  options_.as = "encoder";
  expect_encoder("the whole model");
  std::erase_if(tensors_, [](const auto& entry) { return entry.first.starts_with("decoder."); });
  set_architecture("T5EncoderModel");
  config_["is_encoder_decoder"] = "false";
  options_.as = "";
  expect_encoder("a model that is one");
  add_prefix("transformer.");
  set_architecture("T5ForTokenClassification");
  set_tensor("classifier.weight", {3, 52});
  write();
  failure(StatusCode::kUnsupported);
  options_.as = "encoder";
  expect_encoder("a tagger");
}

TEST_F(HeadsTest, EncoderDecodersThemselvesAreNotAsked) {
  const std::pair<const char*, const char*> classes[] = {
      {"bart", "BartForConditionalGeneration"},   {"marian", "MarianMTModel"},
      {"mbart", "MBartForConditionalGeneration"}, {"m2m_100", "M2M100ForConditionalGeneration"},
      {"t5", "T5ForConditionalGeneration"},       {"t5_gated", "T5WithLMHeadModel"}};
  for (const auto& [variant, name] : classes) {
    use(variant);
    set_architecture(name);
    write();
    EXPECT_TRUE(loaded_status().ok()) << name << ": " << loaded_status().message();
  }
}

}  // namespace
}  // namespace lanewise::converters
