#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ops/activation/activation_kind.hpp"

#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

class SentenceTransformersTest : public CheckpointFolderTest {
 protected:
  void put_modules(const std::vector<std::pair<std::string, std::string>>& types_and_paths) {
    std::string json = "[";
    for (const auto& [type, module_path] : types_and_paths) {
      json.append(json.size() > 1 ? ", " : "")
          .append(R"({"type": "sentence_transformers.models.)" + type)
          .append(R"(", "path": ")" + module_path + R"("})");
    }
    put("modules.json", json + "]");
  }

  /// Only `mode` is set.
  void put_pooling(const std::string& mode) {
    put("1_Pooling/config.json",
        R"({"word_embedding_dimension": 20, "pooling_mode_mean_tokens": )" +
            std::string(mode == "mean_tokens" ? "true" : "false") + ", \"pooling_mode_" + mode +
            "\": true}");
  }

  int64_t max_text_tokens() {
    const Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return model.ok() ? model->info().max_text_tokens : -1;
  }
};

TEST_F(SentenceTransformersTest, APlainFolderTakesTheMean) {
  write_all();
  const ConvertedFile out = converted();
  const graph::Node* last = out.graph.producer(out.graph.outputs.at("sentence_embedding"));
  EXPECT_EQ(last->op, "pool");
  EXPECT_EQ(*last->attributes.get_string("kind", ""), "mean");
  EXPECT_TRUE(reported("no modules.json: sentence embeddings are the mean of the token vectors"));
}

TEST_F(SentenceTransformersTest, ReadsPoolingModes) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}});
  const std::tuple<const char*, const char*, const char*> modes[] = {
      {"cls_token", "cls", "first"},
      {"mean_tokens", "mean", "mean"},
      {"max_tokens", "max", "max"},
      {"lasttoken", "lasttoken", "last"},
      {"mean_sqrt_len_tokens", "mean_sqrt_len_tokens", "sqrt_mean"},
      {"weightedmean_tokens", "weightedmean", "weighted_mean"}};
  for (const auto& [mode, name, kind] : modes) {
    put_pooling(mode);
    EXPECT_EQ(*converted().node("sentence.pool").attributes.get_string("kind", ""), kind);
    put("1_Pooling/config.json",
        R"({"embedding_dimension": 20, "pooling_mode": ")" + std::string(name) + "\"}");
    EXPECT_EQ(*converted().node("sentence.pool").attributes.get_string("kind", ""), kind);
    put("1_Pooling/config.json", R"({"pooling_mode": [")" + std::string(name) + "\"]}");
    EXPECT_EQ(*converted().node("sentence.pool").attributes.get_string("kind", ""), kind);
  }
  EXPECT_FALSE(reported("no modules.json"));
}

TEST_F(SentenceTransformersTest, JoinsPoolingModesInTheirOrder) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}});
  const auto joined = [this](const std::string& json) {
    put("1_Pooling/config.json", json);
    const ConvertedFile out = converted();
    const graph::Node& join = out.node("sentence.pool");
    EXPECT_EQ(join.op, "concat_features");
    std::string kinds;
    for (const graph::ValueId part : join.inputs) {
      kinds += *out.graph.producer(part)->attributes.get_string("kind", "") + " ";
    }
    return kinds;
  };
  EXPECT_EQ(joined(R"({"pooling_mode": ["lasttoken", "mean", "cls", "mean"]})"),
            "last mean first mean ");
  EXPECT_EQ(joined(R"({"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true,
                       "pooling_mode_lasttoken": true, "pooling_mode_cls_token": true})"),
            "first max mean last ");
  // The new spelling takes precedence.
  EXPECT_EQ(joined(R"({"pooling_mode_lasttoken": true, "pooling_mode": ["max", "cls"]})"),
            "max first ");
}

TEST_F(SentenceTransformersTest, RefusesPoolingThatItCannotDo) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}});
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "1_Pooling/config.json"));
  const auto refused = [this](StatusCode code, const char* json, const char* message) {
    put("1_Pooling/config.json", json);
    EXPECT_TRUE(has(failure(code), "1_Pooling/config.json'", message)) << json;
  };
  refused(StatusCode::kUnsupported, R"({"pooling_mode": "attention"})",
          "pooling_mode 'attention' is not supported; known: cls, max, mean, "
          "mean_sqrt_len_tokens, weightedmean, lasttoken");
  refused(StatusCode::kUnsupported, R"({"pooling_mode": ["cls", "median"]})", "'median'");
  refused(StatusCode::kUnsupported, R"({"pooling_mode_median_tokens": true})",
          "'pooling_mode_median_tokens' is not supported");
  refused(StatusCode::kInvalidArgument, R"({"pooling_mode": []})",
          "'pooling_mode': expected a mode");
  refused(StatusCode::kInvalidArgument, R"({"pooling_mode": 1})",
          "'pooling_mode': expected a mode");
  refused(StatusCode::kInvalidArgument, R"({"pooling_mode_cls_token": 1})", "true or false");
  refused(StatusCode::kInvalidArgument, R"({"word_embedding_dimension": 21})",
          "expected the 20 features of the preceding module, found 21");
  refused(StatusCode::kInvalidArgument, R"({"embedding_dimension": 21})", "found 21");
}

TEST_F(SentenceTransformersTest, TakesTheMeanWhereNoModeIsOn) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}});
  for (const char* json : {"{}", R"({"pooling_mode_mean_tokens": false})"}) {
    put("1_Pooling/config.json", json);
    EXPECT_EQ(*converted().node("sentence.pool").attributes.get_string("kind", ""), "mean");
  }
}

TEST_F(SentenceTransformersTest, Normalizes) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}, {"Normalize", "2_Normalize"}});
  put_pooling("mean_tokens");
  const ConvertedFile out = converted();
  const graph::Node* last = out.graph.producer(out.graph.outputs.at("sentence_embedding"));
  EXPECT_EQ(last->op, "l2_normalize");
  EXPECT_EQ(*last->attributes.get_double("eps", 0), 1e-12);
}

TEST_F(SentenceTransformersTest, ReadsEverySpellingOfModules) {
  write_all();
  put_pooling("cls_token");
  for (const char* const package :
       {"sentence_transformers.models.", "sentence_transformers.models.Any.",
        "sentence_transformers.base.modules.any.",
        "sentence_transformers.sentence_transformer.modules.any."}) {
    for (const char* const root : {"", ".", "./"}) {
      const std::string type = R"({"type": ")" + std::string(package);
      put("modules.json", "[" + type + R"(Transformer", "path": ")" + root + "\"}, " + type +
                              R"(Pooling", "path": "./1_Pooling/"}, )" + type +
                              R"(Normalize", "path": "2_Normalize"}])");
      const ConvertedFile out = converted();
      EXPECT_EQ(*out.node("sentence.pool").attributes.get_string("kind", ""), "first");
      EXPECT_EQ(out.node("sentence.normalize").op, "l2_normalize");
    }
  }
}

TEST_F(SentenceTransformersTest, NamesUnknownModules) {
  write_all();
  put_pooling("mean_tokens");
  for (const char* const unknown :
       {"CNN", "LSTM", "WordWeights", "WeightedLayerPooling", "Router", "Pooling"}) {
    put_modules(
        {{"Transformer", ""}, {"Pooling", "1_Pooling"}, {unknown, "2_" + std::string(unknown)}});
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported),
                    "modules.json': module '" + std::string(unknown) + "'"));
  }
  put_modules({{"Transformer", ""}, {"Normalize", "2_Normalize"}, {"Pooling", "1_Pooling"}});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "module 'Normalize'"));
  for (const char* const first : {"CLIPModel", "BoW", "WordEmbeddings"}) {
    put_modules({{first, ""}, {"Pooling", "1_Pooling"}});
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'" + std::string(first) + "'"));
  }
  put_modules({{"Transformer", ""}, {"LSTM", "1_LSTM"}, {"Pooling", "1_Pooling"}});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "module 'LSTM'"));
  put_modules({});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "found none"));
  put("modules.json", "{}");
  EXPECT_TRUE(
      has(failure(StatusCode::kDataLoss), "modules.json': expected an array, found an object"));
  put("modules.json", R"([{"type": "custom_st.Transformer", "path": ""}])");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "module 'custom_st.Transformer'"));
}

class WeightedLayersTest : public SentenceTransformersTest {
 protected:
  void SetUp() override {
    SentenceTransformersTest::SetUp();
    config_["output_hidden_states"] = "true";
    write_all();
    put_pooling("mean_tokens");
    put_modules({{"Transformer", ""},
                 {"WeightedLayerPooling", "1_WeightedLayerPooling"},
                 {"Pooling", "1_Pooling"}});
    put_layers(2, 1, {1, 3});
  }

  void put_layers(int layers, int start, const std::vector<float>& weights,
                  const std::string& more = {}) {
    put("1_WeightedLayerPooling/config.json",
        R"({"embedding_dimension": 20, "num_hidden_layers": )" + std::to_string(layers) +
            R"(, "layer_start": )" + std::to_string(start) + more + "}");
    TensorMap tensors;
    Tensor tensor(DataType::kF32, {static_cast<int64_t>(weights.size())});
    std::ranges::copy(weights, tensor.as<float>());
    tensors["layer_weights"] = std::move(tensor);
    write_tensors("1_WeightedLayerPooling/model.safetensors", tensors);
  }
};

TEST_F(WeightedLayersTest, PoolTheMeanOfHiddenStates) {
  const ConvertedFile out = converted();
  const graph::Node& sum = out.node("sentence.states");
  EXPECT_EQ(sum.op, "weighted_sum");
  ASSERT_EQ(sum.inputs.size(), 2U);
  EXPECT_EQ(sum.inputs.back(), out.graph.outputs.at("last_hidden_state"));
  EXPECT_EQ(out.node("sentence.pool").inputs.front(), sum.output);
  const TensorView weights = out.weight("sentence.states", "weight");
  ASSERT_EQ(weights.shape, Shape{2});
  EXPECT_EQ(weights.as<float>()[0], 0.25F);
  EXPECT_EQ(weights.as<float>()[1], 0.75F);
  put_layers(2, 0, {1, 2, 1});
  EXPECT_EQ(converted().node("sentence.states").inputs.size(), 3U);
}

TEST_F(WeightedLayersTest, HaveNoEffectWithoutHiddenStates) {
  config_.erase("output_hidden_states");
  write();
  const auto states = [](const ConvertedFile& out) {
    return std::ranges::count(out.graph.nodes, "weighted_sum", &graph::Node::op);
  };
  EXPECT_EQ(states(converted()), 0);
  EXPECT_TRUE(reported("'WeightedLayerPooling' has no effect"));
  for (const char* field : {"config_args", "config_kwargs", "model_args", "model_kwargs"}) {
    put("sentence_bert_config.json",
        "{\"" + std::string(field) + R"(": {"output_hidden_states": true}})");
    EXPECT_EQ(states(converted()), 1) << field;
  }
}

TEST_F(WeightedLayersTest, AreRefusedWhereTheyDoNotFit) {
  const auto refused = [this](StatusCode code, const std::string& message) {
    EXPECT_TRUE(has(failure(code), message));
  };
  put_layers(3, 1, {1, 3, 1});
  refused(StatusCode::kInvalidArgument, "'num_hidden_layers': expected the model's 2, found 3");
  put_layers(2, 3, {1});
  refused(StatusCode::kInvalidArgument, "'layer_start'");
  put_layers(2, 1, {1, 3, 1});
  refused(StatusCode::kInvalidArgument, "'layer_weights': expected [2], file has [3]");
  put_layers(2, 1, {1, -1});
  refused(StatusCode::kInvalidArgument, "the sum of the weights is 0");
  put_layers(2, 1, {1, 3}, R"(, "temperature": 2)");
  refused(StatusCode::kUnsupported, "'temperature' is not supported");
  put_layers(2, 1, {1, 3}, R"(, "word_embedding_dimension": 21)");
  refused(StatusCode::kInvalidArgument, "expected the 20 features");
  std::filesystem::remove(path("1_WeightedLayerPooling/model.safetensors"));
  put_layers(2, 1, {1, 3});
  put_modules({{"Transformer", ""},
               {"Pooling", "1_Pooling"},
               {"WeightedLayerPooling", "1_WeightedLayerPooling"}});
  refused(StatusCode::kUnsupported, "module 'WeightedLayerPooling' is not supported here");
}

class DenseTest : public SentenceTransformersTest {
 protected:
  void SetUp() override {
    SentenceTransformersTest::SetUp();
    write_all();
    put_pooling("mean_tokens");
    put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}, {"Dense", "2_Dense"}});
    weights_["linear.weight"] = Tensor(DataType::kF32, {7, kHidden});
    weights_["linear.bias"] = Tensor(DataType::kF32, {7});
  }

  void put_dense(const std::string& fields) {
    put("2_Dense/config.json", R"({"in_features": 20, "out_features": 7)" + fields + "}");
    write_tensors("2_Dense/model.safetensors", weights_);
  }

  TensorMap weights_;
};

TEST_F(DenseTest, ReadsActivations) {
  const std::pair<const char*, const char*> activations[] = {
      {"torch.nn.modules.activation.Tanh", "tanh"},
      {"torch.nn.modules.activation.ReLU", "relu"},
      {"torch.nn.modules.activation.GELU", "gelu"},
      {"torch.nn.SiLU", "silu"},
      {"torch.nn.modules.linear.Identity", "none"},
      {"torch.nn.modules.activation.Mish", "mish"},
      {"torch.nn.modules.activation.ReLU6", "relu6"},
      {"torch.nn.modules.activation.Sigmoid", "sigmoid"}};
  for (const auto& [path, kind] : activations) {
    if (!ops::parse_activation(kind).ok()) continue;
    put_dense(R"(, "activation_function": ")" + std::string(path) + "\"");
    const ConvertedFile out = converted();
    EXPECT_EQ(*out.node("sentence.dense").attributes.get_string("activation", "none"), kind);
    EXPECT_TRUE(has(out.metadata("lanewise.provenance"), "2_Dense/model.safetensors"));
  }
  put_dense("");
  EXPECT_EQ(*converted().node("sentence.dense").attributes.get_string("activation", ""), "tanh");
}

TEST_F(DenseTest, RefusesWhatItCannotDo) {
  const auto refused = [this](StatusCode code, const std::string& fields, const char* message) {
    put_dense(fields);
    EXPECT_TRUE(has(failure(code), "2_Dense", message)) << fields;
  };
  refused(StatusCode::kUnsupported, R"(, "activation_function": "torch.nn.PReLU")",
          "'torch.nn.PReLU'");
  refused(StatusCode::kUnsupported, R"(, "activation_function": "mine.Tanh")", "'mine.Tanh'");
  refused(StatusCode::kUnsupported, R"(, "module_input_name": "token_embeddings")",
          "module_input_name 'token_embeddings'");
  refused(StatusCode::kInvalidArgument, R"(, "in_features": 21)", "'in_features': expected the 20");
  refused(StatusCode::kInvalidArgument, R"(, "out_features": 8)",
          "tensor 'linear.weight': expected [8, 20], file has [7, 20]");
  refused(StatusCode::kInvalidArgument, R"(, "bias": false)", "tensors that its module does not");
  refused(StatusCode::kNotFound, R"(, "use_residual": true)", "'residual.weight' is missing");
  weights_.erase("linear.bias");
  refused(StatusCode::kNotFound, "", "tensor 'linear.bias' is missing");
}

TEST_F(DenseTest, MayStandBeforeThePooling) {
  put_modules({{"Transformer", ""}, {"Dense", "2_Dense"}, {"Pooling", "1_Pooling"}});
  put("1_Pooling/config.json", R"({"embedding_dimension": 7, "pooling_mode": "mean"})");
  put_dense(R"(, "module_input_name": "token_embeddings")");
  const ConvertedFile out = converted();
  const std::string pooled = out.graph.producer(out.graph.outputs.at("sentence_embedding"))->name;
  EXPECT_EQ(pooled, "sentence.pool");
  const graph::Node* dense = out.graph.producer(out.graph.outputs.at("token_embeddings"));
  EXPECT_EQ(out.node(pooled).inputs.front(), out.graph.outputs.at("token_embeddings"));
  EXPECT_EQ(*dense->attributes.get_string("activation", ""), "tanh");
  // Without a name it is for the vector of a text, which is not there yet.
  put_dense("");
  const auto refusal = [&] { return load(source_.string(), options_).status().message(); };
  EXPECT_TRUE(has(refusal(), "module 'Dense' is not supported here"));
  put_modules({{"Transformer", ""}, {"Normalize", "3"}, {"Pooling", "1_Pooling"}});
  EXPECT_TRUE(has(refusal(), "module 'Normalize' is not supported here"));
}

TEST_F(SentenceTransformersTest, FollowsModulesIntoFoldersBelowOnly) {
  write_config();
  write_tensors("0_BERT/model.safetensors", tensors_);
  std::filesystem::rename(path("config.json"), path("0_BERT/config.json"));
  put("0_BERT/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
  put_modules({{"Transformer", "0_BERT"}});
  const ConvertedFile out = converted();
  EXPECT_EQ(out.graph.outputs.size(), 1U);  // No Pooling, no sentence vector.
  EXPECT_TRUE(has(out.metadata("lanewise.provenance"), "\"0_BERT/model.safetensors\""));
  EXPECT_NE(out.tokenizer(), "");
  std::filesystem::remove(destination());
  for (const char* bad : {"../source/0_BERT", "/etc", "0_BERT/..", "./../source", ".//etc"}) {
    put_modules({{"Transformer", bad}});
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'path': expected a folder in this"));
  }
}

TEST_F(SentenceTransformersTest, KnowsWhereTextsAreCut) {
  write_all();
  EXPECT_EQ(max_text_tokens(), kPositions);
  put("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(max_text_tokens(), kPositions);
  put("tokenizer_config.json", R"({"model_max_length": 17})");
  EXPECT_EQ(max_text_tokens(), 17);
  put("sentence_bert_config.json", R"({"max_seq_length": null, "do_lower_case": false})");
  EXPECT_EQ(max_text_tokens(), 17);
  put("sentence_bert_config.json", R"({"max_seq_length": 9})");
  EXPECT_EQ(max_text_tokens(), 9);
  put("sentence_bert_config.json", R"({"max_seq_length": 512})");
  EXPECT_EQ(max_text_tokens(), kPositions);
  put("sentence_bert_config.json", R"({"max_seq_length": 0})");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'max_seq_length'"));
}

TEST_F(SentenceTransformersTest, ReadsTheFileOfTextsUnderEachName) {
  write_all();
  for (const char* const name : {"bert", "roberta", "distilbert", "xlm-roberta", "xlnet"}) {
    const std::string file = "sentence_" + std::string(name) + "_config.json";
    put(file, R"({"max_seq_length": 11})");
    EXPECT_EQ(max_text_tokens(), 11) << file;
    std::filesystem::remove(path(file));
  }
  put("tokenizer_config.json", R"({"model_max_length": 17})");
  put("sentence_bert_config.json",
      R"({"transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
          "modality_config": {"text": {"method": "forward",
                                       "method_output_name": "last_hidden_state"}}})");
  EXPECT_EQ(max_text_tokens(), 17);
  put("sentence_bert_config.json", R"({"processor_kwargs": {"model_max_length": 8}})");
  EXPECT_EQ(max_text_tokens(), 8);
}

TEST_F(SentenceTransformersTest, RefusesTextsThatAreReadInAnotherWay) {
  write_all();
  for (const char* const fields :
       {R"("transformer_task": "fill-mask")", R"("module_output_name": "sentence_embedding")",
        R"("modality_config": {"image": {"method": "forward"}})",
        R"("modality_config": {"text": {"method": "get_text_features"}})",
        R"("modality_config": {"text": {"method_output_name": "pooler_output"}})",
        R"("processing_kwargs": {"text": {"max_length": 5}})", R"("query_length": 32)",
        R"("model_args": {"num_hidden_layers": 1})", R"("tokenizer_args": {"stride": 1})"}) {
    put("sentence_bert_config.json", "{" + std::string(fields) + "}");
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "sentence_bert_config.json'", "support"))
        << fields;
  }
}

TEST_F(SentenceTransformersTest, ReadsPrompts) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}});
  put_pooling("mean_tokens");
  const auto file = "config_sentence_transformers.json";
  put(file, R"({"prompts": {"query": null, "web": "find: "}, "default_prompt_name": "web"})");
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  ASSERT_EQ(model->info().prompts.size(), 3U);
  EXPECT_EQ(model->info().prompts[2].text, "find: ");
  EXPECT_EQ(model->info().default_prompt, "web");
  put(file, R"({"prompts": {"web": "find: "}, "default_prompt_name": "net"})");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'default_prompt_name': expected one of",
                  "document, query, web", "'net'"));
  put(file, R"({"prompts": {"web": 1}})");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'prompts': 'web': expected a string"));
  for (const char* const type : {"CrossEncoder", "SparseEncoder", "MultiVectorEncoder"}) {
    put(file, R"({"model_type": ")" + std::string(type) + "\"}");
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), type));
  }
}

}  // namespace
}  // namespace lanewise::converters
