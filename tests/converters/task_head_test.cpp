// Heads of Transformers' classes on a BERT.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lanewise/session.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

class TaskHeadTest : public CheckpointFolderTest {
 protected:
  void set_architecture(const std::string& name) {
    config_["architectures"] = "[\"" + name + "\"]";
  }

  void add_affine(const std::string& name, int64_t out) {
    set_tensor(name + ".weight", {out, kHidden});
    set_tensor(name + ".bias", {out});
  }

  void add_masked_head() {
    add_affine("cls.predictions.transform.dense", kHidden);
    set_tensor("cls.predictions.transform.LayerNorm.weight", {kHidden});
    set_tensor("cls.predictions.transform.LayerNorm.bias", {kHidden});
    set_tensor("cls.predictions.bias", {kVocabulary});
  }

  ModelInfo info() { return loaded().info(); }

  std::string refused(StatusCode code) {
    write_config();
    return failure(code);
  }

  static Shape shape_of(const Model& model, const std::string& output) {
    return run(model, output).shape();
  }

  static std::vector<float> logits(const Model& model) {
    const Tensor tensor = run(model, "logits");
    const auto count = static_cast<size_t>(*element_count(tensor.shape()));
    return {tensor.as<float>(), tensor.as<float>() + count};
  }

  /// One output for two texts of 5 tokens.
  static Tensor run(const Model& model, const std::string& output) {
    Tensor ids(DataType::kI64, {2, 5});
    for (int64_t i = 0; i < 10; ++i) ids.as<int64_t>()[i] = i;
    Result<Session> session = Session::create(model, {.threads = 1, .outputs = {output}});
    EXPECT_TRUE(session.ok()) << session.status().message();
    Result<TensorMap> outputs = session->run({{"input_ids", ids}});
    EXPECT_TRUE(outputs.ok()) << outputs.status().message();
    return std::move(outputs->at(output));
  }
};

using Labels = std::vector<std::string>;

TEST_F(TaskHeadTest, AClassifierReadsThePooler) {
  add_pooler();
  add_prefix("bert.");
  add_affine("classifier", 3);
  set_architecture("BertForSequenceClassification");
  config_["id2label"] = R"({"0": "no", "2": "yes", "1": "pérhaps"})";
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "text-classification");
  EXPECT_EQ(model.info().head.labels, (Labels{"no", "pérhaps", "yes"}));
  EXPECT_EQ(model.info().head.scores, ScoreFunction::kSoftmax);
  EXPECT_EQ(model.info().head.ranking, ScoreFunction::kNone);
  EXPECT_EQ(shape_of(model, "logits"), (Shape{2, 3}));
  EXPECT_EQ(shape_of(model, "pooler_output"), (Shape{2, kHidden}));
  EXPECT_EQ(shape_of(model, "last_hidden_state"), (Shape{2, 5, kHidden}));
}

TEST_F(TaskHeadTest, AModelFileKeepsTheHead) {
  add_pooler();
  add_affine("classifier", 1);
  set_architecture("BertForSequenceClassification");
  config_["id2label"] = R"({"0": "relevant"})";
  config_["problem_type"] = "\"regression\"";
  write_all();
  ASSERT_TRUE(convert_folder().ok());
  const Result<Model> model = Model::open(destination());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->info().head.labels, (Labels{"relevant"}));
  EXPECT_EQ(model->info().head.problem_type, "regression");
  EXPECT_EQ(model->info().head.scores, ScoreFunction::kNone);
  EXPECT_EQ(model->info().head.ranking, ScoreFunction::kSigmoid);
}

TEST_F(TaskHeadTest, AClassifierWithoutItsPoolerMissesTensors) {
  add_affine("classifier", 2);
  set_architecture("BertForSequenceClassification");
  write();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "pooler.dense.weight", "missing"));
}

TEST_F(TaskHeadTest, LabelsMustAgree) {
  add_pooler();
  add_affine("classifier", 2);
  set_architecture("BertForSequenceClassification");
  EXPECT_EQ(info().head.labels, (Labels{"LABEL_0", "LABEL_1"}));
  config_["num_labels"] = "3";
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "classifier.weight", "expected [3, 20]"));
  config_["id2label"] = R"({"0": "a", "1": "b"})";
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "num_labels", "2 labels"));
  config_.erase("num_labels");
  config_["id2label"] = R"({"0": "a", "2": "b"})";
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "id2label", "numbered from 0"));
}

TEST_F(TaskHeadTest, ScoreFunctions) {
  add_pooler();
  add_affine("classifier", 2);
  set_architecture("BertForSequenceClassification");
  config_["problem_type"] = "\"multi_label_classification\"";
  EXPECT_EQ(info().head.scores, ScoreFunction::kSigmoid);
  config_["problem_type"] = "\"single_label_classification\"";
  EXPECT_EQ(info().head.scores, ScoreFunction::kSoftmax);
  config_["problem_type"] = "\"ranking\"";
  EXPECT_TRUE(has(refused(StatusCode::kUnsupported), "problem_type 'ranking'"));
  config_.erase("problem_type");
  config_["num_labels"] = "1";
  add_affine("classifier", 1);
  EXPECT_EQ(info().head.scores, ScoreFunction::kSigmoid);
}

TEST_F(TaskHeadTest, ActivationsOfRanking) {
  add_pooler();
  add_affine("classifier", 1);
  set_architecture("BertForSequenceClassification");
  config_["num_labels"] = "1";
  EXPECT_EQ(info().head.ranking, ScoreFunction::kSigmoid);
  config_["sbert_ce_default_activation_function"] = "\"torch.nn.modules.linear.Identity\"";
  EXPECT_EQ(info().head.ranking, ScoreFunction::kNone);
  config_["sentence_transformers"] =
      R"({"activation_fn": "torch.nn.modules.activation.Sigmoid", "version": "4.0.1"})";
  EXPECT_EQ(info().head.ranking, ScoreFunction::kSigmoid);
  config_["sentence_transformers"] = R"({"activation_fn": "torch.nn.Tanh"})";
  EXPECT_TRUE(has(refused(StatusCode::kUnsupported), "sentence_transformers.activation_fn",
                  "'torch.nn.Tanh'"));
  config_["sentence_transformers"] = R"({"activation_fn": "my.Sigmoid"})";
  EXPECT_TRUE(has(refused(StatusCode::kUnsupported), "'my.Sigmoid'"));
}

TEST_F(TaskHeadTest, ATaggerReadsAllTokens) {
  add_prefix("bert.");
  add_affine("classifier", 4);
  set_architecture("BertForTokenClassification");
  config_["num_labels"] = "4";
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "token-classification");
  EXPECT_EQ(model.info().head.labels.size(), 4U);
  EXPECT_EQ(shape_of(model, "logits"), (Shape{2, 5, 4}));
}

TEST_F(TaskHeadTest, AnAnswererHasTwoEnds) {
  add_affine("qa_outputs", 2);
  set_architecture("BertForQuestionAnswering");
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "question-answering");
  EXPECT_TRUE(model.info().head.labels.empty());
  EXPECT_EQ(shape_of(model, "start_logits"), (Shape{2, 5}));
  EXPECT_EQ(shape_of(model, "end_logits"), (Shape{2, 5}));
  config_["num_labels"] = "3";
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "num_labels", "two"));
}

TEST_F(TaskHeadTest, AMaskedModelIsTiedToItsEmbedding) {
  add_prefix("bert.");
  add_masked_head();
  for (const char* name : {"BertForMaskedLM", "BertForPreTraining"}) {
    set_architecture(name);
    write_all();
    const Model model = loaded();
    EXPECT_EQ(model.info().task, "fill-mask");
    EXPECT_EQ(model.info().head.mask_token, "[MASK]");
    EXPECT_EQ(model.info().head.sparse_logarithms, 1);
    EXPECT_EQ(shape_of(model, "logits"), (Shape{2, 5, kVocabulary}));
    EXPECT_EQ(shape_of(model, "max_logits"), (Shape{2, kVocabulary}));
  }
  // A copy is a leftover; another tensor is read.
  set_tensor("cls.predictions.decoder.weight", {kVocabulary, kHidden});
  const Tensor other = tensors_["cls.predictions.decoder.weight"];
  tensors_["cls.predictions.decoder.weight"] = tensors_["bert.embeddings.word_embeddings.weight"];
  const std::vector<float> tied = logits(loaded());
  EXPECT_FALSE(reported("unused"));
  tensors_["cls.predictions.decoder.weight"] = other;
  EXPECT_NE(logits(loaded()), tied);
  tensors_.erase("cls.predictions.decoder.weight");
  EXPECT_EQ(logits(loaded()), tied);
}

TEST_F(TaskHeadTest, AnUntiedMaskedModelHasAWeightOfItsOwn) {
  add_masked_head();
  set_architecture("BertForMaskedLM");
  config_["tie_word_embeddings"] = "false";
  write();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "cls.predictions.decoder.weight"));
  set_tensor("cls.predictions.decoder.weight", {kVocabulary, kHidden});
  const std::vector<float> with_bias = logits(loaded());
  // And a bias of its own.
  set_tensor("cls.predictions.decoder.bias", {kVocabulary});
  EXPECT_NE(logits(loaded()), with_bias);
}

TEST_F(TaskHeadTest, NamesOfTensorFlow) {
  add_masked_head();
  rename_tensor("cls.predictions.transform.LayerNorm.weight",
                "cls.predictions.transform.LayerNorm.gamma");
  rename_tensor("cls.predictions.transform.LayerNorm.bias",
                "cls.predictions.transform.LayerNorm.beta");
  rename_tensor("cls.predictions.bias", "cls.predictions.decoder.bias");
  set_architecture("BertForMaskedLM");
  EXPECT_EQ(loaded().info().task, "fill-mask");
}

TEST_F(TaskHeadTest, TensorsTellTheClassIfOnlyOneFits) {
  const TensorMap encoder = tensors_;
  add_masked_head();
  EXPECT_EQ(info().task, "fill-mask");
  tensors_ = encoder;
  add_affine("qa_outputs", 2);
  EXPECT_EQ(info().task, "question-answering");
  tensors_ = encoder;
  add_affine("classifier", 2);
  write();
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'classifier.bias'"));
}

class SentenceTaskTest : public TaskHeadTest {
 protected:
  void put_modules(const std::string& second) {
    std::string modules = R"([{"type": "sentence_transformers.models.Transformer", "path": ""})";
    if (!second.empty()) {
      modules += R"(, {"type": "sentence_transformers.sparse_encoder.models.)" + second +
                 R"(", "path": "1"})";
    }
    put("modules.json", modules + "]");
  }
};

TEST_F(SentenceTaskTest, ASparseEncoder) {
  add_masked_head();
  set_architecture("BertForMaskedLM");
  put_modules("SpladePooling");
  put("sentence_bert_config.json",
      R"({"transformer_task": "fill-mask", "max_seq_length": 9, "module_output_name": "token_embeddings",
          "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}}})");
  put("1/config.json", R"({"pooling_strategy": "max", "activation_function": "relu"})");
  put("config_sentence_transformers.json",
      R"({"model_type": "SparseEncoder", "prompts": {"query": "q: "}})");
  EXPECT_EQ(info().head.sparse_logarithms, 1);
  EXPECT_EQ(info().max_text_tokens, 9);
  EXPECT_EQ(info().prompts.back().text, "q: ");
  put("1/config.json", R"({"activation_function": "log1p_relu"})");
  EXPECT_EQ(info().head.sparse_logarithms, 2);
  EXPECT_FALSE(info().head.sparse_sum);
  put("1/config.json", R"({"pooling_strategy": "sum"})");
  EXPECT_TRUE(info().head.sparse_sum);
  put("1/config.json", R"({"pooling_strategy": "mean"})");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "pooling_strategy 'mean'"));
  put("1/config.json", R"({"activation_function": "gelu"})");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "activation_function 'gelu'"));
  put("1/config.json", R"({"top_k": 3})");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'top_k'"));
  put_modules("SparseAutoEncoder");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'SparseAutoEncoder'", "SpladePooling"));
  put_modules("");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "SpladePooling"));
}

TEST_F(SentenceTaskTest, ACrossEncoder) {
  add_pooler();
  add_affine("classifier", 1);
  config_["num_labels"] = "1";
  set_architecture("BertForSequenceClassification");
  put_modules("");
  put("sentence_bert_config.json",
      R"({"transformer_task": "sequence-classification", "module_output_name": "scores"})");
  put("config_sentence_transformers.json",
      R"({"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.linear.Identity"})");
  EXPECT_EQ(info().task, "text-classification");
  EXPECT_EQ(info().head.ranking, ScoreFunction::kNone);
  put("config_sentence_transformers.json",
      R"({"model_type": "CrossEncoder", "prompts": {"ask": "q: "}, "default_prompt_name": "ask"})");
  EXPECT_EQ(info().default_prompt, "ask");
  put("config_sentence_transformers.json", R"({"model_type": "SparseEncoder"})");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'SparseEncoder'", "CrossEncoder"));
  set_architecture("BertModel");
  EXPECT_TRUE(
      has(refused(StatusCode::kUnsupported), "CrossEncoder", "BertForSequenceClassification"));
}

}  // namespace
}  // namespace lanewise::converters
