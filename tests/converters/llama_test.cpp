#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/translator.hpp"
#include "runtime/model_data.hpp"
#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

class LlamaTest : public HfDecoderFolderTest {
 protected:
  /// The attribute of each attention, or 0.
  std::vector<int64_t> windows() {
    write();
    const ConvertedFile out = converted();
    std::vector<int64_t> windows;
    for (const graph::Node& node : out.graph.nodes) {
      if (node.op == "attention") windows.push_back(*node.attributes.get_int("window", 0));
    }
    return windows;
  }
};

TEST_F(LlamaTest, ChecksEveryField) {
  expect_refused(
      "llama",
      {{"vocab_size", "0", kInvalid, "'vocab_size': expected an integer from 1"},
       {"hidden_size", "\"60\"", kInvalid, "'hidden_size': expected"},
       {"intermediate_size", "-1", kInvalid, "'intermediate_size': expected"},
       {"num_hidden_layers", "100000", kInvalid, "'num_hidden_layers': expected"},
       {"num_attention_heads", "0", kInvalid, "'num_attention_heads': expected"},
       {"num_key_value_heads", "4", kInvalid, "a divisor of num_attention_heads = 6"},
       {"head_dim", "9", kInvalid, "expected an even number"},
       {"max_position_embeddings", "0", kInvalid, "'max_position_embeddings': expected"},
       {"rms_norm_eps", "-1", kInvalid, "'rms_norm_eps': expected"},
       {"hidden_act", "\"prelu\"", kUnsupported, "unknown hidden_act 'prelu'"},
       {"rope_theta", "0", kInvalid, "'rope_theta': expected a positive number"},
       {"rope_scaling", "{\"type\": \"axial\", \"factor\": 2}", kUnsupported,
        "unknown rope_type 'axial'; known: default, linear, dynamic, llama3, yarn, longrope"},
       {"rope_scaling", "{\"rope_type\": \"mrope\", \"mrope_section\": [2, 2, 1]}", kUnsupported,
        "unknown rope_type 'mrope'"},
       {"rope_scaling", "{\"rope_type\": \"linear\"}", kInvalid, "'factor': expected a positive"},
       {"partial_rotary_factor", "0.4", kUnsupported, "'partial_rotary_factor' other than 1"},
       {"rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 2}",
        kInvalid, "'high_freq_factor'"},
       {"rope_scaling", "3", kInvalid, "'rope_scaling': expected an object"},
       {"attention_bias", "1", kInvalid, "'attention_bias': expected true or false"},
       // In range, but the file has something else.
       {"attention_bias", "true", kNotFound, "q_proj.bias"},
       {"mlp_bias", "true", kNotFound, "gate_proj.bias"},
       {"intermediate_size", "43", kInvalid, "expected [43, 60], file has [44, 60]"},
       {"num_hidden_layers", "3", kNotFound, "'model.layers.2."},
       {"num_key_value_heads", "null", kInvalid, "expected [60, 60], file has [20, 60]"}});
  expect_refused("qwen2",
                 {{"layer_types", "[\"full_attention\"]", kInvalid, "'layer_types': expected 2"},
                  {"layer_types", "[\"full_attention\", \"linear_attention\"]", kUnsupported,
                   "unknown type 'linear_attention'"},
                  {"sliding_window", "-1", kInvalid, "'sliding_window': expected"}});
  expect_refused("smollm3", {{"no_rope_layers", "[1]", kInvalid, "'no_rope_layers': expected 2"},
                             {"no_rope_layers", "[1, 2]", kInvalid, "'no_rope_layers': expected"}});
  expect_refused("phi3", {{"max_position_embeddings", "0", kInvalid, "'max_position_embeddings'"},
                          {"rope_scaling", "{\"type\": \"su\", \"short_factor\": [1, 2]}", kInvalid,
                           "'short_factor': expected 5 numbers"},
                          {"rope_scaling", "{\"type\": \"su\", \"short_factor\": [1, 2, \"3\"]}",
                           kInvalid, "'short_factor': expected an array of numbers"}});
  expect_refused("gemma2", {{"attn_logit_softcapping", "-1", kInvalid, "'attn_logit_softcapping'"},
                            {"query_pre_attn_scalar", "0", kInvalid, "'query_pre_attn_scalar'"},
                            {"use_bidirectional_attention", "true", kUnsupported,
                             "'use_bidirectional_attention' true is not supported for gemma2"}});
}

TEST_F(LlamaTest, ChecksTheFieldsOfExperts) {
  expect_refused("mixtral",
                 {{"num_local_experts", "0", kInvalid, "'num_local_experts': expected"},
                  {"num_local_experts", "1", kInvalid, "'num_experts_per_tok': expected"},
                  {"num_experts_per_tok", "6", kInvalid, "'num_experts_per_tok': expected"},
                  {"intermediate_size", "40", kInvalid, "expected [40, 64], file has [48, 64]"}});
  expect_refused("qwen3_moe",
                 {{"num_experts_per_tok", "null", kInvalid, "'num_experts_per_tok': expected"},
                  {"decoder_sparse_step", "0", kInvalid, "'decoder_sparse_step': expected"},
                  // No experts, so none are chosen.
                  {"num_experts", "0", kNotFound, "'model.layers.0.mlp.gate_proj.weight'"}});
}

TEST_F(LlamaTest, ScoresOfGemma3AreNotCapped) {
  for (const auto& [variant, capped] :
       {std::pair{"gemma2", true}, std::pair{"gemma3_text", false}}) {
    use(variant);
    config_["attn_logit_softcapping"] = "2.0";
    write();
    for (const graph::Node& node : converted().graph.nodes) {
      if (node.op != "attention") continue;
      EXPECT_EQ(*node.attributes.get_double("soft_cap", 0) > 0, capped);
    }
  }
}

TEST_F(LlamaTest, LongRopeNeedsBothListsForALongContext) {
  use("phi3");
  config_["rope_scaling"] = R"({"type": "longrope", "short_factor": [1, 1, 1, 1, 1]})";
  write();
  loaded();
  config_["max_position_embeddings"] = "65";
  write();
  EXPECT_TRUE(has(failure(kInvalid), "'long_factor': expected 5 numbers"));
}

TEST_F(LlamaTest, WindowsAreThoseOfTheModel) {
  use("mistral");
  EXPECT_EQ(windows(), (std::vector<int64_t>{7, 7}));
  config_["sliding_window"] = "null";
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 0}));
  config_.erase("sliding_window");
  EXPECT_EQ(windows(), (std::vector<int64_t>{4096, 4096}));
  // Transformers then takes the class of Ministral.
  config_["layer_types"] = "[\"full_attention\", \"sliding_attention\"]";
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 4096}));
  config_["model_type"] = "\"ministral\"";
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 4096}));
  use("qwen2");
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 5}));
  config_["layer_types"] = "[\"sliding_attention\", \"full_attention\"]";
  EXPECT_EQ(windows(), (std::vector<int64_t>{5, 0}));
  config_["use_sliding_window"] = "false";
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 0}));
  use("gemma3_text");
  EXPECT_EQ(windows(), (std::vector<int64_t>{5, 0, 5}));
  config_.erase("sliding_window_pattern");
  EXPECT_EQ(windows(), (std::vector<int64_t>{5, 5, 5}));
  config_["use_bidirectional_attention"] = "true";
  EXPECT_EQ(windows(), (std::vector<int64_t>{3, 3, 3}));
}

/// What `lanewise.formats` says of the weights of `op`.
std::set<std::string> formats_of(const ConvertedFile& out, std::string_view op) {
  const auto formats = nlohmann::json::parse(out.metadata(internal::kFormatsKey));
  std::set<std::string> found;
  for (const graph::Node& node : out.graph.nodes) {
    if (node.op != op) continue;
    for (const auto& [role, names] : node.weights) {
      if (role.ends_with("weight")) found.insert(formats.at(names.front()));
    }
  }
  return found;
}

TEST_F(LlamaTest, Int4HasAFormatOfItsOwnWhereInputsAreMultiplesOf32) {
  options_.weights = "int4";
  use("mixtral");
  write();
  EXPECT_EQ(formats_of(converted(), "linear"), std::set<std::string>{"iq4_nl"});
  options_.group = 32;
  EXPECT_EQ(formats_of(converted(), "linear"), std::set<std::string>{"i4g32"});
  options_.group = 0;
  use("llama");  // 60 and 44 inputs
  write();
  EXPECT_EQ(formats_of(converted(), "linear"), std::set<std::string>{"i4g32"});
}

TEST_F(LlamaTest, FusesQueriesKeysValuesAndTheirPositions) {
  use("llama");
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(out.node("layers.0.self_attn.qkv").op, "linear");
  EXPECT_EQ(*out.node("layers.0.self_attn.q.rotary").attributes.get_int("heads", 0), 8);
  EXPECT_EQ(std::ranges::count(out.graph.nodes, "rotary_angles", &graph::Node::op), 1);
}

TEST_F(LlamaTest, ALayerMayHaveNoPositions) {
  use("smollm3");
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(std::ranges::count(out.graph.nodes, "rotary", &graph::Node::op), 1);
}

TEST_F(LlamaTest, AHeadOfItsOwnIsNotTied) {
  use("llama_biases");
  EXPECT_FALSE(tensors_.contains("lm_head.weight"));
  write();
  // The second input of the first output, in a panel of 16 outputs.
  const auto second_input = [this](const char* tensor) {
    return tensors_.at(tensor).as<float>()[1];
  };
  EXPECT_EQ(converted().weight("lm_head", "weight").as<float>()[16],
            second_input("model.embed_tokens.weight"));
  tensors_["lm_head.weight"] = hf_weight("lm_head.weight", {61, 60}, 2);
  write();
  EXPECT_EQ(converted().weight("lm_head", "weight").as<float>()[16],
            second_input("lm_head.weight"));
}

/// Transformers changes the frequencies when a text outgrows the trained length; here they are chosen
/// once, for the length that it may reach.
TEST_F(LlamaTest, LongRopeDependsOnTheLengthThatATextMayReach) {
  use("phi3");
  const auto model = [this](const char* short_factor, const char* long_factor) {
    config_["max_position_embeddings"] = "96";
    config_["rope_scaling"] = R"({"type": "longrope", "attention_factor": 1, "short_factor": )" +
                              std::string(short_factor) + R"(, "long_factor": )" + long_factor +
                              "}";
    write();
    return loaded();
  };
  const char* const small = "[1, 1.1, 1.3, 1.6, 2]";
  const char* const large = "[2, 3, 4, 5, 6]";
  const Model both = model(small, large), always_short = model(small, small),
              always_long = model(large, large);
  const std::vector<std::vector<int32_t>> prompt = {
      {5, 9, 2, 40, 33, 5, 9, 2, 7, 8, 30, 31, 32, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
  const auto scores = [&](Generator& generator, int64_t new_tokens) {
    GenerationOptions options;
    options.max_new_tokens = new_tokens;
    const auto made = generator.generate(prompt, options);
    EXPECT_TRUE(made.ok()) << made.status().message();
    const Hypothesis& best = made->front().hypotheses.front();
    return std::pair(best.ids, best.score);
  };
  const auto alone = [&](const Model& of, int64_t new_tokens) {
    Result<Generator> generator = Generator::create(of, {.threads = 1});
    EXPECT_TRUE(generator.ok());
    return scores(*generator, new_tokens);
  };
  constexpr int64_t kTrained = 64;
  const auto fits = kTrained - static_cast<int64_t>(prompt.front().size());
  Result<Generator> generator = Generator::create(both, {.threads = 1});
  ASSERT_TRUE(generator.ok());
  // One after another: pages of short texts are not taken for long ones.
  for (const int64_t count : {fits, fits + 1, fits, fits + 9}) {
    const bool is_long = count > fits;
    EXPECT_EQ(scores(*generator, count), alone(is_long ? always_long : always_short, count));
    EXPECT_NE(scores(*generator, count), alone(is_long ? always_short : always_long, count));
  }
}

TEST_F(LlamaTest, KnowsWhatOlderCheckpointsCarry) {
  use("llama");
  for (const char* layer : {"0", "1"}) {
    set_tensor("model.layers." + std::string(layer) + ".self_attn.rotary_emb.inv_freq", {5});
  }
  set_tensor("model.rotary_emb.inv_freq", {5});
  write();
  converted();
  EXPECT_FALSE(reported("unused"));
}

TEST_F(LlamaTest, AModelWithoutItsHeadGivesTheVectorsOfTokens) {
  use("qwen3");
  config_["architectures"] = "[\"Qwen3Model\"]";
  tensors_.erase("lm_head.weight");
  write();
  const Model bare = loaded();
  ASSERT_EQ(bare.info().outputs.size(), 1U);
  EXPECT_EQ(bare.info().outputs[0].name, "last_hidden_state");
  config_["architectures"] = "[\"Qwen3ForCausalLM\"]";
  write();
  EXPECT_TRUE(has(failure(kNotFound), "'lm_head.weight'"));
  options_.as = "encoder";
  EXPECT_EQ(loaded().info().outputs[0].name, "last_hidden_state");
}

/// A word for each token.
std::string word_tokenizer(int64_t vocabulary) {
  std::string words;
  for (int64_t i = 0; i < vocabulary; ++i) {
    words += (i == 0 ? "" : ", ") + std::string("\"w") + std::to_string(i) + "\": ";
    words += std::to_string(i);
  }
  return R"({"model": {"type": "WordLevel", "unk_token": "w0", "vocab": {)" + words +
         R"(}}, "pre_tokenizer": {"type": "Whitespace"}})";
}

TEST_F(LlamaTest, ContinuesAText) {
  use("llama");
  put("tokenizer.json", word_tokenizer(61));
  write();
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "text-generation");
  Result<Translator> translator = Translator::create(model, {.threads = 1});
  ASSERT_TRUE(translator.ok()) << translator.status().message();
  GenerationOptions search = model.info().generation;
  search.max_new_tokens = 6;
  std::string streamed;
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t, std::string_view piece) {
    streamed += piece;
    return true;
  };
  const std::string_view prompt = "w7 w9 w30";
  const auto found = translator->translate({&prompt, 1}, search, callbacks);
  ASSERT_TRUE(found.ok()) << found.status().message();
  std::string expected;
  for (const int32_t id : found->at(0).hypotheses.at(0).ids) {
    expected += " w" + std::to_string(id);
  }
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(found->at(0).texts.at(0), expected);
  EXPECT_EQ(streamed, expected);
}

TEST_F(LlamaTest, RefusesOtherHeads) {
  use("llama");
  config_["architectures"] = "[\"LlamaForSequenceClassification\"]";
  set_tensor("score.weight", {2, 60});
  write();
  EXPECT_TRUE(has(failure(kUnsupported), "LlamaForSequenceClassification", "'score.weight'"));
}

}  // namespace
}  // namespace lanewise::converters
