#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "converters/files.hpp"
#include "lanewise/generator.hpp"
#include "runtime/text/tokenizer.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kWidth = 20;
constexpr int64_t kSourceTokens = 7;
constexpr int64_t kTargetTokens = 6;
constexpr const char* kTable = "positional_encoding.pos_embedding";

class TorchTransformerTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    tensors_ = torch_state_dict(sizes());
    config_ = {{"model_type", "\"torch_transformer\""},
               {"nhead", "4"},
               {"max_length", "16"},
               {"bos_token_id", "1"},
               {"eos_token_id", "2"},
               {"pad_token_id", "0"},
               {"source_split", "\"characters\""},
               {"source_vocabulary", R"(["<pad>", "<s>", "</s>", "a", "b", "c", "'"])"},
               {"target_vocabulary", R"(["<pad>", "<s>", "</s>", "AA", "B", "K"])"}};
  }

  static TorchSizes sizes() {
    return {.width = kWidth,
            .hidden = 36,
            .encoder_layers = 2,
            .decoder_layers = 1,
            .source_tokens = kSourceTokens,
            .target_tokens = kTargetTokens};
  }

  /// The message for a configuration that is refused.
  std::string refused(StatusCode code) {
    std::filesystem::remove(destination());  // of a successful conversion
    write();
    return failure(code);
  }
};

TEST_F(TorchTransformerTest, SaysWhatTheModelIs) {
  const Model model = loaded();
  const ModelInfo& info = model.info();
  EXPECT_EQ(info.family, "torch_transformer");
  EXPECT_EQ(info.task, "translation");
  EXPECT_EQ(info.vocabulary_size, kSourceTokens);
  EXPECT_EQ(info.target_vocabulary_size, kTargetTokens);
  EXPECT_EQ(info.max_tokens, 16);
  EXPECT_EQ(info.max_text_tokens, 16);
  EXPECT_EQ(info.max_target_tokens, 16);
  EXPECT_EQ(info.generation.decoder_start_token_id, 1);
  EXPECT_EQ(info.generation.bos_token_id, 1);
  EXPECT_EQ(info.generation.eos_token_ids, std::vector<int32_t>{2});
  EXPECT_EQ(info.generation.pad_token_id, 0);
  ASSERT_EQ(info.outputs.size(), 2U);
  EXPECT_EQ(info.outputs[0].name, "encoder_last_hidden_state");
  EXPECT_EQ(info.outputs[0].features, kWidth);
  EXPECT_EQ(info.outputs[1].name, "logits");
  EXPECT_EQ(info.outputs[1].features, kTargetTokens);
  EXPECT_TRUE(reports_.empty()) << reports_.front();
}

TEST_F(TorchTransformerTest, FusesTheLayers) {
  write();
  const ConvertedFile out = converted();
  // Of an encoder layer qkv, attention, output, norm, up, down, norm; a decoder layer also has the
  // query, keys and values, attention, output and norm of its attention to the memory.
  EXPECT_EQ(out.graph.nodes.size(), (1U + 2 * 7 + 1) + (1U + 12 + 1) + 1U);
  const graph::Node& qkv = out.node("transformer.encoder.layers.0.self_attn.qkv");
  EXPECT_EQ(out.graph.values[static_cast<size_t>(qkv.output)].features, 3 * kWidth);
  const ops::Attributes& self = out.node("transformer.decoder.layers.0.self_attn").attributes;
  EXPECT_TRUE(*self.get_bool("causal", false));
  EXPECT_EQ(*self.get_int("head_dim", 0), 5);
  const ops::Attributes& cross = out.node("transformer.decoder.layers.0.multihead_attn").attributes;
  EXPECT_FALSE(*cross.get_bool("causal", false));
}

TEST_F(TorchTransformerTest, TakesTheFusedProjectionApart) {
  write();
  const ConvertedFile out = converted();
  const std::string cross = "transformer.decoder.layers.0.multihead_attn";
  const float* bias = tensors_.at(cross + ".in_proj_bias").as<float>();
  const TensorView q = out.weight(cross + ".q", "bias");
  const TensorView kv = out.weight(cross + ".kv", "bias");
  ASSERT_EQ(q.shape, Shape{kWidth});
  ASSERT_EQ(kv.shape, Shape{2 * kWidth});
  EXPECT_TRUE(std::equal(bias, bias + kWidth, q.as<float>()));
  EXPECT_TRUE(std::equal(bias + kWidth, bias + 3 * kWidth, kv.as<float>()));
  // Panels of 16 output features: w[1, 3] is the second number of the fourth column.
  const float* weight = tensors_.at(cross + ".in_proj_weight").as<float>();
  EXPECT_EQ(out.weight(cross + ".q", "weight").as<float>()[3 * 16 + 1], weight[kWidth + 3]);
  EXPECT_EQ(out.weight(cross + ".kv", "weight").as<float>()[3 * 16 + 1],
            weight[(kWidth + 1) * kWidth + 3]);
}

TEST_F(TorchTransformerTest, ReadsAttributesFromTheConfig) {
  config_["layer_norm_eps"] = "0.25";
  config_["activation"] = "\"gelu\"";
  config_["norm_first"] = "true";
  config_["scale_embedding"] = "false";
  write();
  const ConvertedFile out = converted();
  const std::string layer = "transformer.encoder.layers.1";
  EXPECT_EQ(*out.node(layer + ".norm2").attributes.get_double("eps", 0), 0.25);
  EXPECT_EQ(*out.node(layer + ".linear1").attributes.get_string("activation", ""), "gelu");
  EXPECT_FALSE(out.node("src_tok_emb").attributes.has("scale"));
  // The layer's input goes to the norm first.
  EXPECT_EQ(out.node(layer + ".self_attn.qkv").inputs.front(), out.node(layer + ".norm1").output);
}

TEST_F(TorchTransformerTest, DefaultsArePyTorchs) {
  config_.erase("max_length");
  write();
  const ConvertedFile out = converted();
  const ops::Attributes& embed = out.node("tgt_tok_emb").attributes;
  EXPECT_NEAR(*embed.get_double("scale", 0), 4.472135955, 1e-9);
  EXPECT_EQ(*embed.get_string("position", ""), "sinusoidal");
  EXPECT_EQ(*embed.get_int("max_positions", 0), 5000);
  const std::string layer = "transformer.decoder.layers.0";
  EXPECT_EQ(*out.node(layer + ".linear1").attributes.get_string("activation", ""), "relu");
  EXPECT_EQ(*out.node(layer + ".norm1").attributes.get_double("eps", 0), 1e-5);
  EXPECT_EQ(out.node(layer + ".norm1").inputs.front(),
            out.node(layer + ".self_attn.out_proj").output);
}

TEST_F(TorchTransformerTest, ReadsTablesOfPositions) {
  for (const Shape& shape : {Shape{9, 1, kWidth}, Shape{1, 9, kWidth}, Shape{9, kWidth}}) {
    tensors_[kTable] = torch_weight(kTable, shape);
    config_["max_length"] = "8";
    EXPECT_EQ(loaded().info().max_tokens, 8);
    config_.erase("max_length");
    EXPECT_EQ(loaded().info().max_tokens, 9);
    const ConvertedFile out = converted();
    const TensorView table = out.weight("src_tok_emb", "position_table");
    ASSERT_EQ(table.shape, (Shape{9, kWidth}));
    EXPECT_EQ(table.as<float>()[9 * kWidth - 1], tensors_[kTable].as<float>()[9 * kWidth - 1]);
  }
  config_["max_length"] = "10";
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "'max_length': expected at most the 9"));
  config_.erase("max_length");
  for (const Shape& shape : {Shape{3, 3, kWidth}, Shape{9, kWidth + 1}, Shape{kWidth}}) {
    tensors_[kTable] = torch_weight(kTable, shape);
    EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), kTable, "expected a table of positions",
                    to_string(shape)));
  }
}

TEST_F(TorchTransformerTest, WorksWithoutBiasesAndFinalNorms) {
  TorchSizes plain = sizes();
  plain.bias = false;
  tensors_ = torch_state_dict(plain);
  tensors_.erase("transformer.encoder.norm.weight");
  tensors_.erase("transformer.decoder.norm.weight");
  config_["bias"] = "false";
  const Model model = loaded();
  Result<Generator> generator = Generator::create(model, {.threads = 1, .outputs = {}});
  ASSERT_TRUE(generator.ok()) << generator.status().message();
  const std::vector<int32_t> source[] = {{3, 4, 5}};
  const auto found = generator->generate(source, model.info().generation);
  EXPECT_TRUE(found.ok()) << found.status().message();
}

TEST_F(TorchTransformerTest, KeysSayWhatTheFileCallsItsTensors) {
  TensorMap renamed;
  for (auto& [name, tensor] : tensors_) {
    std::string theirs = name;
    if (name.starts_with("transformer.")) theirs = "core." + name.substr(12);
    if (name.starts_with("transformer.decoder.norm.")) theirs = "last." + name.substr(25);
    if (name == "generator.weight") theirs = "head";
    renamed[theirs] = std::move(tensor);
  }
  renamed["table"] = torch_weight("table", {16, 1, kWidth});
  tensors_ = std::move(renamed);
  config_["keys"] = R"({"transformer.": "core.", "transformer.decoder.norm.": "last.",
      "generator.weight": "head", "positional_encoding.pos_embedding": "table"})";
  write();
  const ConvertedFile out = converted();
  EXPECT_TRUE(reports_.empty()) << reports_.front();
  EXPECT_EQ(*out.node("src_tok_emb").attributes.get_string("position", ""), "learned");
  EXPECT_EQ(out.node("transformer.decoder.norm").op, "layer_norm");
}

TEST_F(TorchTransformerTest, RefusesKeysThatNameNothing) {
  const auto keys = [this](const char* value) { config_["keys"] = value; };
  keys(R"({"transfomer.": "core."})");
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "'keys' has 'transfomer.'"));
  keys(R"({"transformer.": "core"})");
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "two prefixes that end in a dot"));
  keys(R"({"generator.weight": 3})");
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "'keys': expected an object of strings"));
  keys(R"({"positional_encoding.pos_embedding": "table"})");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "1 tensor is missing: 'table'"));
}

TEST_F(TorchTransformerTest, NamesWhatIsMissingOrMisshaped) {
  const TensorMap good = tensors_;
  tensors_.erase("src_tok_emb.embedding.weight");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'src_tok_emb.embedding.weight' is missing"));
  tensors_ = good;
  tensors_["tgt_tok_emb.embedding.weight"] = Tensor(DataType::kF32, {kTargetTokens});
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument), "'tgt_tok_emb.embedding.weight'", "[6]"));
  tensors_ = good;
  tensors_.erase("transformer.encoder.layers.0.linear2.weight");
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'transformer.encoder.layers.0.linear2.weight'"));
  tensors_ = good;
  tensors_["generator.weight"] = Tensor(DataType::kF32, {kTargetTokens + 1, kWidth});
  EXPECT_TRUE(has(refused(StatusCode::kInvalidArgument),
                  "'generator.weight' expected [6, 20], file has [7, 20]"));
  tensors_ = good;
  std::erase_if(tensors_, [](const auto& tensor) {
    return tensor.first.starts_with("transformer.encoder.layers.0.");
  });
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "'transformer.encoder.layers.0.*' are missing",
                  "up to 'transformer.encoder.layers.1.*'"));
  std::erase_if(tensors_, [](const auto& tensor) {
    return tensor.first.starts_with("transformer.encoder.layers.");
  });
  EXPECT_TRUE(has(refused(StatusCode::kNotFound), "use 'keys' in the config"));
}

struct TorchTransformerBadField {
  const char* field;
  const char* value;
  const char* message;
  StatusCode code = StatusCode::kInvalidArgument;
};

TEST_F(TorchTransformerTest, ChecksEveryField) {
  const TorchTransformerBadField fields[] = {
      {"nhead", "null", "'nhead': expected a value"},
      {"nhead", "3", "20 features are not a multiple of 'nhead' 3"},
      {"nhead", "21", "'nhead': expected an integer from 1 to 20"},
      {"nhead", "\"4\"", "'nhead': expected an integer"},
      {"activation", "\"elu\"", "unknown activation 'elu'", StatusCode::kUnsupported},
      {"norm_first", "1", "'norm_first': expected true or false"},
      {"scale_embedding", "\"yes\"", "'scale_embedding': expected true or false"},
      {"layer_norm_eps", "2", "'layer_norm_eps': expected a number from 0 to 1"},
      {"max_length", "0", "'max_length': expected an integer from 1"},
      {"max_length", "4000000", "'max_length': expected at most 3355443 for 20 features"},
      {"bos_token_id", "6", "'bos_token_id': expected an integer from 0 to 5"},
      {"eos_token_id", "[2, 6]", "'eos_token_id': expected"},
      {"pad_token_id", "-1", "'pad_token_id': expected"},
      {"d_model", "21", "'d_model': expected 20, as the embedding has, found 21"},
      {"num_encoder_layers", "3", "'num_encoder_layers': expected 2, as the checkpoint has"},
      {"num_decoder_layers", "2", "'num_decoder_layers': expected 1, as the checkpoint has"},
      {"dim_feedforward", "37",
       "expected 36, as 'transformer.encoder.layers.0.linear1.weight' has"},
      {"bias", "false", "'bias': expected true: the layers have biases, found false"},
      {"source_split", "\"letters\"", "'source_split': expected \"characters\" or \"spaces\""},
      {"source_lowercase", "2", "'source_lowercase': expected true or false"},
      {"source_vocabulary", "7", "'source_vocabulary': expected a list of tokens, or the name"},
      {"source_vocabulary", R"(["a"])",
       "'source_vocabulary' has 1 tokens, 'src_tok_emb.embedding.weight' has 7 rows"},
      {"source_vocabulary", R"(["a", "b", "c", "d", "", "f", "g"])", "token 4 is empty"},
      {"source_vocabulary", R"(["a", "b", "c", "d", "e", "b", "g"])",
       "token 5 is 'b', as token 1 is"},
      {"source_vocabulary", "\"../words.txt\"", "expected a file beside the config"},
      {"source_vocabulary", "\"words.txt\"", "words.txt", StatusCode::kNotFound},
      {"target_vocabulary", "null",
       "'target_vocabulary': expected a value, since 'source_vocabulary'"},
      {"unk_token", "\"<unk>\"", "'unk_token': expected a token of 'source_vocabulary'"},
  };
  const auto good = config_;
  for (const TorchTransformerBadField& bad : fields) {
    config_ = good;
    config_[bad.field] = bad.value;
    EXPECT_TRUE(has(refused(bad.code), bad.message)) << bad.field << " " << bad.value;
  }
}

TEST_F(TorchTransformerTest, AcceptsWhatAgreesAndReportsWhatItDoesNotKnow) {
  config_["d_model"] = "20";
  config_["dim_feedforward"] = "36";
  config_["num_encoder_layers"] = "2";
  config_["dropout"] = "0.1";
  config_["batch_first"] = "true";
  config_["norm_frist"] = "true";
  loaded();
  ASSERT_EQ(reports_.size(), 2U);
  EXPECT_TRUE(reported("unknown field 'norm_frist' is ignored"));
  EXPECT_TRUE(reported("'norm_first'"));
}

TEST_F(TorchTransformerTest, ReadsVocabulariesFromFiles) {
  put("source.txt", "<pad>\r\n<s>\n</s>\na\nb\nc\n \n");
  put("lists/target.json", R"(["<pad>", "<s>", "</s>", "AA", "B", "K"])");
  config_["source_vocabulary"] = "\"source.txt\"";
  config_["target_vocabulary"] = "\"lists/target.json\"";
  config_["source_lowercase"] = "true";
  write();
  const ConvertedFile out = converted();
  EXPECT_TRUE(has(out.metadata("lanewise.provenance"), "source.txt", "target.json"));
  const auto tokenizer = text::parse_tokenizer(out.tokenizer());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto encoding = (*tokenizer)->encode("A bC", {});
  ASSERT_TRUE(encoding.ok()) << encoding.status().message();
  ASSERT_EQ(encoding->tokens.size(), 4U);
  EXPECT_EQ(encoding->tokens[1].id, 6);
  EXPECT_EQ(encoding->tokens[3].id, 5);
  const auto unknown = (*tokenizer)->encode("ab<s>", {});
  EXPECT_EQ(unknown.status().message(), "token '<' at byte 2 is not in the vocabulary");
  put("lists/target.json", R"({"AA": 0})");
  EXPECT_TRUE(has(refused(StatusCode::kDataLoss), "target.json", "expected an array of strings"));
}

TEST_F(TorchTransformerTest, AGenerationConfigComesFirst) {
  put("generation_config.json", R"({"num_beams": 3, "eos_token_id": 4, "max_new_tokens": 9})");
  const GenerationOptions options = loaded().info().generation;
  EXPECT_EQ(options.beams, 3);
  EXPECT_EQ(options.max_new_tokens, 9);
  EXPECT_EQ(options.eos_token_ids, std::vector<int32_t>{4});
  EXPECT_EQ(options.decoder_start_token_id, 1);
}

TEST_F(TorchTransformerTest, RefusesToGenerateIdsThatTheDecoderCannotTake) {
  write();
  converted();
  std::string bytes = *read_text(destination());
  const std::string field = "target_vocabulary_size\\\":";  // JSON within JSON
  const size_t at = bytes.find(field + "6");
  ASSERT_NE(at, std::string::npos);
  bytes[at + field.size()] = '5';
  put("lying.lw", bytes);
  const Result<Model> model = Model::open(path("lying.lw"));
  ASSERT_TRUE(model.ok()) << model.status().message();
  const Result<Generator> generator = Generator::create(*model, {.threads = 1, .outputs = {}});
  EXPECT_EQ(generator.status().code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(generator.status().message(), "logits of 6 tokens", "takes 5"));
}

TEST_F(TorchTransformerTest, WithoutVocabulariesItTakesIds) {
  config_.erase("source_vocabulary");
  config_.erase("target_vocabulary");
  loaded();
  EXPECT_TRUE(reported("the model takes token ids"));
}

}  // namespace
}  // namespace lanewise::converters
