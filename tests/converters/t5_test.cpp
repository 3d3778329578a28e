#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "converters/families/t5_buckets.hpp"
#include "lanewise/convert.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/status_codes.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::converters {
namespace {

/// A folder with one of the models of make_hf_seq2seq_golden.py, for tests to modify.
class T5Test : public CheckpointFolderTest {
 protected:
  void use(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    reports_.clear();
  }
};

TEST(T5Buckets, AreThoseOfT5) {
  const T5Buckets buckets;
  // The first distance of each of Transformers' buckets, for keys before and after a query.
  const std::vector<int64_t> both = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
  const std::vector<int64_t> causal = {16, 19, 21, 24, 27, 31, 35, 40,
                                       46, 52, 59, 67, 77, 87, 99, 113};
  for (int64_t distance = 0; distance <= 200; ++distance) {
    int64_t bucket = 0;
    while (bucket + 1 < 16 && distance >= both[static_cast<size_t>(bucket + 1)]) ++bucket;
    EXPECT_EQ(buckets.bucket(-distance, false), bucket) << distance;
    EXPECT_EQ(buckets.bucket(distance, false), distance == 0 ? 0 : 16 + bucket) << distance;
    int64_t past = std::min<int64_t>(distance, 15);
    for (const int64_t begin : causal) past += distance >= begin ? 1 : 0;
    EXPECT_EQ(buckets.bucket(-distance, true), std::min<int64_t>(past, 31)) << distance;
    EXPECT_EQ(buckets.bucket(distance, true), 0);
  }
}

struct T5BadField {
  const char* field;
  const char* value;
  StatusCode code;
  const char* message;
};

TEST_F(T5Test, ChecksEveryField) {
  const T5BadField fields[] = {
      {"d_model", "0", kInvalid, "'d_model': expected an integer from 1"},
      {"d_kv", "\"64\"", kInvalid, "'d_kv': expected"},
      {"num_heads", "-1", kInvalid, "'num_heads': expected"},
      {"num_layers", "1000000000", kInvalid, "'num_layers': expected"},
      {"feed_forward_proj", "\"gated-prelu\"", kUnsupported, "unknown feed_forward_proj 'prelu'"},
      {"feed_forward_proj", "\"doubled-relu\"", kUnsupported, "unknown feed_forward_proj"},
      {"is_gated_act", "true", kUnsupported, "'is_gated_act' true"},
      {"dense_act_fn", "\"silu\"", kInvalid, "'dense_act_fn': expected 'relu'"},
      {"relative_attention_num_buckets", "3", kInvalid, "relative_attention_num_buckets"},
      {"relative_attention_max_distance", "5", kInvalid, "more than half of"},
      {"relative_attention_max_distance", "100000000", kInvalid, "max_distance': expected"},
      {"layer_norm_epsilon", "-1", kInvalid, "'layer_norm_epsilon': expected"},
      {"is_encoder_decoder", "false", kUnsupported, "'is_encoder_decoder'"},
      {"is_encoder_decoder", "\"yes\"", kInvalid, "'is_encoder_decoder': expected true or false"},
      {"feed_forward_proj", "3", kInvalid, "'feed_forward_proj': expected a string, found 3"},
      {"feed_forward_proj", "\"gated-\"", kUnsupported, "unknown feed_forward_proj ''"},
      {"n_positions", "0", kInvalid, "'n_positions': expected"},
      {"tie_word_embeddings", "false", kNotFound, "1 tensor is missing: 'lm_head.weight'"},
      // In range, but different from the file.
      {"relative_attention_num_buckets", "12", kInvalid, "expected [12, 5], file has [10, 5]"},
      {"num_decoder_layers", "3", kNotFound, "'decoder.block.2."},
      {"feed_forward_proj", "\"gated-silu\"", kNotFound, "DenseReluDense.wi_0.weight"},
  };
  use("t5");
  const auto good = config_;
  for (const T5BadField& bad : fields) {
    config_ = good;
    config_[bad.field] = bad.value;
    write();
    EXPECT_TRUE(has(failure(bad.code), bad.message)) << bad.field << " " << bad.value;
  }
}

TEST_F(T5Test, KnowsActivations) {
  const std::pair<const char*, const char*> names[] = {
      {"gated-gelu", "gelu_tanh"}, {"gated-silu", "silu"}, {"gated-relu", "relu"}};
  use("t5_gated");
  for (const auto& [theirs, ours] : names) {
    config_["feed_forward_proj"] = "\"" + std::string(theirs) + "\"";
    write();
    const ConvertedFile out = converted();
    const ops::Attributes& linear =
        out.node("encoder.block.0.layer.1.DenseReluDense.wi_0").attributes;
    EXPECT_EQ(*linear.get_string("activation", ""), ours);
    EXPECT_EQ(out.node("encoder.block.0.layer.1.DenseReluDense.gate").op, "mul");
  }
}

TEST_F(T5Test, ScalesTheLogitsOfATiedHead) {
  const std::string norm = "decoder.final_layer_norm";
  use("t5");
  write();
  const float plain = tensors_.at(norm + ".weight").as<float>()[3];
  EXPECT_FLOAT_EQ(converted().weight(norm, "weight").as<float>()[3], plain / std::sqrt(52.0F));
  // The config that Transformers 5 writes for an untied head.
  config_["scale_decoder_outputs"] = "false";
  tensors_["lm_head.weight"] = hf_weight("lm_head.weight", {61, 52}, 0);
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(out.weight(norm, "weight").as<float>()[3], plain);
  EXPECT_EQ(out.weight("lm_head", "weight").as<float>()[16],
            tensors_.at("lm_head.weight").as<float>()[1]);
}

TEST_F(T5Test, SharesOneTableOfDistancesInAStack) {
  use("t5");
  write();
  const ConvertedFile out = converted();
  const auto bias = [&](const char* layer) { return out.node(layer).weights.at("bias").front(); };
  EXPECT_EQ(bias("encoder.block.0.layer.0.SelfAttention"),
            bias("encoder.block.2.layer.0.SelfAttention"));
  EXPECT_NE(bias("encoder.block.0.layer.0.SelfAttention"),
            bias("decoder.block.0.layer.0.SelfAttention"));
  const graph::Node& cross = out.node("decoder.block.0.layer.1.EncDecAttention");
  EXPECT_EQ(cross.weights.count("bias"), 0U);
  EXPECT_EQ(*cross.attributes.get_double("scale", 0), 1.0);
  EXPECT_EQ(out.weight("encoder.block.0.layer.0.SelfAttention", "bias").shape, (Shape{5, 35}));
}

TEST_F(T5Test, TakesKnownLeftoversForNoWeights) {
  use("t5");
  for (const char* name : {"lm_head.weight", "encoder.embed_tokens.weight"}) {
    tensors_[name] = Tensor(tensors_.at("shared.weight"));
  }
  tensors_["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] =
      hf_weight("x", {10, 5}, 0);
  write();
  converted();
  EXPECT_TRUE(reported("3 tensors are ignored (not weights)"));
  EXPECT_FALSE(reported("unused"));
}

TEST_F(T5Test, RunsLongerSequencesThanItWasTrainedOn) {
  use("t5");
  write();
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->info().max_tokens, 4096);
  EXPECT_EQ(model->info().max_text_tokens, 512);
  EXPECT_EQ(model->info().generation.decoder_start_token_id, 0);
}

TEST_F(T5Test, MakesItsTokenizerOfSentencePieces) {
  use("t5");
  put("spiece.model", text::read_subword_data("unigram.model"));
  put("tokenizer_config.json", R"({"extra_ids": 3})");
  write();
  const std::string tokenizer = converted().tokenizer();
  EXPECT_TRUE(has(tokenizer, "<extra_id_2>"));
  EXPECT_EQ(tokenizer.find("<extra_id_3>"), std::string::npos);
  put("spiece.model", "no protobuf");
  std::filesystem::remove(destination());
  failure(StatusCode::kDataLoss);
}

TEST_F(T5Test, ByT5HasATokenizerWithoutAFile) {
  use("t5");
  write();
  EXPECT_EQ(converted().tokenizer(), "") << "not every T5 is one";
  for (const bool in_config : {true, false}) {
    use("t5");
    const std::string type = R"("ByT5Tokenizer")";
    if (in_config) config_["tokenizer_class"] = type;
    if (!in_config)
      put("tokenizer_config.json", R"({"extra_ids": 2, "tokenizer_class": )" + type + "}");
    write();
    std::filesystem::remove(destination());
    const std::string tokenizer = converted().tokenizer();
    EXPECT_TRUE(has(tokenizer, R"("Bytes")", "<extra_id_1>"));
    EXPECT_EQ(tokenizer.find("<extra_id_2>") != std::string::npos, in_config);
  }
}

}  // namespace
}  // namespace lanewise::converters
