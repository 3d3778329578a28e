#include <gtest/gtest.h>

#include <string>

#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

using BertTest = CheckpointFolderTest;

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(BertTest, WritesTheTextbookGraph) {
  add_pooler();
  write_all();
  const ConvertedFile out = converted();
  ASSERT_EQ(out.graph.outputs.size(), 3U);
  const auto output = [&](const char* name) {
    return out.graph.values[static_cast<size_t>(out.graph.outputs.at(name))];
  };
  EXPECT_EQ(output("last_hidden_state").rows, graph::RowSymbol::kSourceTokens);
  EXPECT_EQ(output("last_hidden_state").features, kHidden);
  EXPECT_EQ(output("pooler_output").rows, graph::RowSymbol::kSequences);
  EXPECT_EQ(output("sentence_embedding").rows, graph::RowSymbol::kSequences);
  EXPECT_GE(out.graph.find_input("input_ids"), 0);
  EXPECT_GE(out.graph.find_input("token_type_ids"), 0);
  const std::string text = textbook_graph();
  EXPECT_EQ(count(text, ".query"), 2 * count(text, "encoder.layer.0.attention.self.query"));
}

TEST_F(BertTest, OptimisedGraphIsSmall) {
  write_all();
  const ConvertedFile out = converted();
  // Embedding and its norm; q|k|v, attention, output, norm, up, down, norm in each layer; pool.
  EXPECT_EQ(out.graph.nodes.size(), 2U + 7U * kLayers + 1U);
}

TEST_F(BertTest, ReadsAttributesFromTheConfig) {
  config_["layer_norm_eps"] = "0.25";
  config_["num_attention_heads"] = "5";
  write_all();
  const ConvertedFile out = converted();
  EXPECT_EQ(*out.node("embeddings.LayerNorm").attributes.get_double("eps", 0), 0.25);
  const ops::Attributes& attention = out.node("encoder.layer.1.attention.self").attributes;
  EXPECT_EQ(*attention.get_int("heads", 0), 5);
  EXPECT_EQ(*attention.get_int("kv_heads", 0), 5);
  EXPECT_EQ(*attention.get_int("head_dim", 0), 4);
  EXPECT_FALSE(*attention.get_bool("causal", false));
  const ops::Attributes& embed = out.node("embeddings").attributes;
  EXPECT_EQ(*embed.get_string("position", ""), "learned");
  EXPECT_EQ(*embed.get_int("max_positions", 0), kPositions);
}

TEST_F(BertTest, KnowsActivations) {
  write_all();
  const std::pair<const char*, const char*> names[] = {{"gelu", "gelu"},
                                                       {"gelu_new", "gelu_tanh"},
                                                       {"gelu_pytorch_tanh", "gelu_tanh"},
                                                       {"relu", "relu"},
                                                       {"silu", "silu"},
                                                       {"swish", "silu"},
                                                       {"tanh", "tanh"},
                                                       {"gelu_fast", "gelu_tanh"},
                                                       {"gelu_accurate", "gelu_tanh"},
                                                       {"gelu_python", "gelu"},
                                                       {"gelu_python_tanh", "gelu_tanh"},
                                                       {"gelu_10", "gelu_10"},
                                                       {"quick_gelu", "quick_gelu"},
                                                       {"mish", "mish"},
                                                       {"relu2", "relu2"},
                                                       {"relu6", "relu6"},
                                                       {"leaky_relu", "leaky_relu"},
                                                       {"hard-swish", "hard_swish"},
                                                       {"hardswish", "hard_swish"},
                                                       {"sigmoid", "sigmoid"},
                                                       {"laplace", "laplace"},
                                                       {"linear", "none"}};
  for (const auto& [theirs, ours] : names) {
    config_["hidden_act"] = "\"" + std::string(theirs) + "\"";
    write_config();
    const ConvertedFile out = converted();
    const ops::Attributes& linear = out.node("encoder.layer.0.intermediate.dense").attributes;
    EXPECT_EQ(*linear.get_string("activation", ""), ours);
  }
}

struct BertBadField {
  const char* field;
  const char* value;
  StatusCode code;
  const char* message;
};

TEST_F(BertTest, ChecksEveryField) {
  write_all();
  constexpr auto kInvalid = StatusCode::kInvalidArgument;
  constexpr auto kUnsupported = StatusCode::kUnsupported;
  const BertBadField fields[] = {
      {"hidden_size", "\"20\"", kInvalid, "'hidden_size': expected an integer from 1 to"},
      {"hidden_size", "0", kInvalid, "found 0"},
      {"hidden_size", "1e300", kInvalid, "found 1e+300"},
      {"hidden_size", "20.5", kInvalid, "found 20.5"},
      {"hidden_size", "[20]", kInvalid, "found an array"},
      {"num_hidden_layers", "1000000000", kInvalid, "'num_hidden_layers': expected"},
      {"num_hidden_layers", "-1", kInvalid, "found -1"},
      {"num_hidden_layers", "18446744073709551615", kInvalid, "found 18446744073709551615"},
      {"num_attention_heads", "3", kInvalid,
       "'hidden_size' 20 is not a multiple of 'num_attention_heads' 3"},
      {"num_attention_heads", "0", kInvalid, "'num_attention_heads': expected"},
      {"num_attention_heads", "40", kInvalid, "is not a multiple"},
      {"intermediate_size", "true", kInvalid, "found true"},
      {"max_position_embeddings", "9223372036854775807", kInvalid, "'max_position_embeddings'"},
      {"type_vocab_size", "-2", kInvalid, "'type_vocab_size'"},
      {"vocab_size", "0", kInvalid, "'vocab_size'"},
      {"layer_norm_eps", "-1", kInvalid, "'layer_norm_eps': expected a number from 0 to 1"},
      {"layer_norm_eps", "\"x\"", kInvalid, "found 'x'"},
      {"hidden_act", "\"prelu\"", kUnsupported, "known: gelu, gelu_10, gelu_accurate, gelu_fast"},
      {"hidden_act", "7", kInvalid, "'hidden_act': expected a string"},
      {"position_embedding_type", "\"relative_key\"", kUnsupported, "'relative_key'"},
      {"is_decoder", "true", kUnsupported, "is_decoder"},
      {"is_decoder", "1", kInvalid, "'is_decoder': expected true or false"},
      {"add_cross_attention", "true", kUnsupported, "add_cross_attention"},
      // In range, but different from the file.
      {"vocab_size", "2147483647", kInvalid, "expected [2147483647, 20], file has [13, 20]"},
      {"num_hidden_layers", "4096", StatusCode::kNotFound, "tensors are missing"},
      {"type_vocab_size", "3", kInvalid, "expected [3, 20], file has [2, 20]"},
  };
  const auto good = config_;
  for (const BertBadField& bad : fields) {
    config_ = good;
    config_[bad.field] = bad.value;
    write_config();
    EXPECT_TRUE(has(failure(bad.code), bad.message)) << bad.field << " " << bad.value;
  }
}

TEST_F(BertTest, AbsentAndNullFieldsHaveTransformersDefaults) {
  config_.erase("hidden_act");
  config_.erase("layer_norm_eps");
  config_["type_vocab_size"] = "null";
  config_["is_decoder"] = "false";
  write_all();
  const ConvertedFile out = converted();
  EXPECT_EQ(*out.node("embeddings.LayerNorm").attributes.get_double("eps", 0), 1e-12);
  const ops::Attributes& linear = out.node("encoder.layer.0.intermediate.dense").attributes;
  EXPECT_EQ(*linear.get_string("activation", ""), "gelu");
}

TEST_F(BertTest, FindsItsPrefix) {
  for (const char* prefix : {"bert.", "0.auto_model.encoder."}) {
    add_prefix(prefix);
    write_all();
    EXPECT_EQ(converted().node("encoder.layer.0.output.dense").op, "linear");
    TensorMap plain;
    for (auto& [name, tensor] : tensors_) {
      plain[name.substr(std::string(prefix).size())] = std::move(tensor);
    }
    tensors_ = std::move(plain);
  }
}

TEST_F(BertTest, RefusesToChooseBetweenTwoModels) {
  TensorMap both;
  for (const auto& [name, tensor] : tensors_) {
    both["question." + name] = tensor;
    both["context." + name] = tensor;
  }
  tensors_ = std::move(both);
  write_all();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'context.', 'question.'"));
}

TEST_F(BertTest, ReadsOldNamesOfNorms) {
  rename_tensor("embeddings.LayerNorm.weight", "embeddings.LayerNorm.gamma");
  rename_tensor("embeddings.LayerNorm.bias", "embeddings.LayerNorm.beta");
  write_all();
  const ConvertedFile out = converted();
  const float* gamma = tensors_["embeddings.LayerNorm.gamma"].as<float>();
  EXPECT_EQ(out.weight("embeddings.LayerNorm", "weight").as<float>()[7], gamma[7]);
  EXPECT_FALSE(reported("unused"));
}

TEST_F(BertTest, APoolerMustBeWhole) {
  add_pooler();
  tensors_.erase("pooler.dense.bias");
  write_all();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "1 tensor is missing: 'pooler.dense.bias'"));
}

TEST_F(BertTest, WorksWithoutTokenTypes) {
  config_["type_vocab_size"] = "0";
  write_all();
  const ConvertedFile out = converted();
  EXPECT_EQ(out.graph.find_input("token_type_ids"), -1);
  EXPECT_TRUE(reported("1 tensor is ignored (not a weight): 'embeddings.token_type_embeddings"));
}

}  // namespace
}  // namespace lanewise::converters
