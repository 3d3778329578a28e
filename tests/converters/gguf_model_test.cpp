// GGUF files as models: each architecture against the folder that it was made from, whose outputs
// hf_decoders_test compares with Transformers'. Rows change places in the test as in llama.cpp's
// converter (gguf_model_file.cpp).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "converters/formats/gguf.hpp"
#include "converters/gguf/model.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/session.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/gguf_model_file.hpp"
#include "tests/converters/golden_compare.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {
namespace {

constexpr size_t kGgufModelTokens = 300;

class GgufModelTest : public CheckpointFolderTest {
 protected:
  /// A model of make_hf_decoder_golden.py, without the fields that no GGUF has.
  static HfCheckpoint checkpoint_of(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant, kHfDecoders);
    for (const char* field :
         {"use_sliding_window", "max_window_layers", "no_rope_layers",
          "scale_attn_by_inverse_layer_idx", "bos_token_id", "eos_token_id", "pad_token_id"}) {
      checkpoint.config.erase(field);
    }
    if (variant == "qwen2") checkpoint.config.erase("sliding_window");
    if (checkpoint.config.contains("query_pre_attn_scalar")) {
      checkpoint.config["query_pre_attn_scalar"] = checkpoint.config.at("head_dim");
    }
    return checkpoint;
  }

  Model folder_model(const HfCheckpoint& checkpoint) {
    std::filesystem::create_directories(root_ / "folder");
    source_ = root_ / "folder";
    config_ = checkpoint.config;
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *std::move(model);
  }

  std::string write_gguf(const GgufModelFile& file, const std::string& name = "model.gguf") {
    std::filesystem::create_directories(root_ / "gguf");
    source_ = root_ / "gguf";
    put(name, file.bytes());
    return path(name);
  }

  Model gguf_model(const GgufModelFile& file) {
    reports_.clear();
    Result<Model> model = load(write_gguf(file), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    EXPECT_FALSE(reported("unused"));
    EXPECT_FALSE(reported("unknown"));
    return *std::move(model);
  }

  static Tensor logits_of(const Model& model) {
    const int64_t vocabulary = model.info().vocabulary_size;
    constexpr int64_t kLength = 40;
    Tensor ids(DataType::kI32, {1, kLength});
    for (int64_t i = 0; i < kLength; ++i) {
      ids.as<int32_t>()[i] = static_cast<int32_t>((i * 37 + 5) % vocabulary);
    }
    Result<Session> session = Session::create(model, {.threads = 1, .isa = {}, .outputs = {}});
    EXPECT_TRUE(session.ok()) << session.status().message();
    Result<TensorMap> found = session->run({{"input_ids", ids}});
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found->at("logits");
  }

  /// A small LLaMA with a tokenizer.
  GgufModelFile llama_file() {
    HfCheckpoint checkpoint = checkpoint_of("llama");
    GgufModelFile file = gguf_model_file(checkpoint);
    add_byte_level_tokenizer(file, kGgufModelTokens);
    const int64_t width = 60;
    file.tensor("token_embd.weight", {kGgufModelTokens, width},
                std::vector<float>(kGgufModelTokens * width, 0.5F));
    file.tensor("output.weight", {kGgufModelTokens, width},
                std::vector<float>(kGgufModelTokens * width, 0.25F));
    return file;
  }

  /// The message when the model is loaded, which must be one line.
  std::string message(const GgufModelFile& file, StatusCode code = StatusCode::kDataLoss) {
    const Result<Model> model = load(write_gguf(file), options_);
    EXPECT_FALSE(model.ok());
    if (model.ok()) return "";
    EXPECT_EQ(model.status().code(), code) << model.status().message();
    EXPECT_EQ(model.status().message().find('\n'), std::string::npos);
    EXPECT_TRUE(has(model.status().message(), "model.gguf'"));
    return model.status().message();
  }
};

struct Kind {
  const char* variant;
  double tolerance;  ///< of the largest magnitude; 0: the same bits
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.variant; }

std::string kind_name(const ::testing::TestParamInfo<Kind>& kind) { return kind.param.variant; }

class GgufKindsTest : public GgufModelTest, public ::testing::WithParamInterface<Kind> {};

// Factors of frequencies and norms with 1 added are rounded to f32.
INSTANTIATE_TEST_SUITE_P(Kinds, GgufKindsTest,
                         ::testing::Values(Kind{"llama", 5e-6}, Kind{"llama_biases", 2e-6},
                                           Kind{"mistral", 0}, Kind{"qwen2", 0}, Kind{"qwen3", 0},
                                           Kind{"smollm3", 0}, Kind{"phi3", 0}, Kind{"olmo2", 0},
                                           Kind{"gemma2", 2e-6}, Kind{"gemma3_text", 2e-6},
                                           Kind{"gpt2", 0}, Kind{"gpt_neox", 0}),
                         kind_name);

TEST_P(GgufKindsTest, ComputesWhatTheFolderComputes) {
  const HfCheckpoint checkpoint = checkpoint_of(GetParam().variant);
  const Tensor expected = logits_of(folder_model(checkpoint));
  const Model model = gguf_model(gguf_model_file(checkpoint));
  EXPECT_EQ(model.info().task, "text-generation");
  EXPECT_TRUE(reported("no tokenizer"));
  const Difference difference = difference_of(logits_of(model), expected);
  EXPECT_GT(difference.magnitude, 0.1);
  EXPECT_LE(difference.largest, GetParam().tolerance * difference.magnitude);
}

/// Weights that Q8_0 holds exactly, at sizes that blocks fit.
HfCheckpoint block_checkpoint() {
  HfCheckpoint checkpoint;
  checkpoint.config = {{"model_type", "\"llama\""},  {"vocab_size", "61"},
                       {"hidden_size", "64"},        {"intermediate_size", "96"},
                       {"num_hidden_layers", "1"},   {"num_attention_heads", "4"},
                       {"num_key_value_heads", "2"}, {"max_position_embeddings", "64"},
                       {"rms_norm_eps", "0.0078125"}};
  const std::string layer = "model.layers.0.";
  const std::pair<std::string, Shape> shapes[] = {{"model.embed_tokens.weight", {61, 64}},
                                                  {"lm_head.weight", {61, 64}},
                                                  {"model.norm.weight", {64}},
                                                  {layer + "input_layernorm.weight", {64}},
                                                  {layer + "post_attention_layernorm.weight", {64}},
                                                  {layer + "self_attn.q_proj.weight", {64, 64}},
                                                  {layer + "self_attn.k_proj.weight", {32, 64}},
                                                  {layer + "self_attn.v_proj.weight", {32, 64}},
                                                  {layer + "self_attn.o_proj.weight", {64, 64}},
                                                  {layer + "mlp.gate_proj.weight", {96, 64}},
                                                  {layer + "mlp.up_proj.weight", {96, 64}},
                                                  {layer + "mlp.down_proj.weight", {64, 96}}};
  for (const auto& [name, shape] : shapes) {
    Tensor tensor = hf_weight(name, shape, 0);
    for (int64_t i = 0; i < *element_count(shape); ++i) {
      float& x = tensor.as<float>()[i];
      x = std::floor(x * 128) / 128;
    }
    checkpoint.tensors[name] = std::move(tensor);
  }
  return checkpoint;
}

TEST_F(GgufModelTest, BlocksComputeWhatTheirValuesCompute) {
  const HfCheckpoint checkpoint = block_checkpoint();
  const Tensor expected = logits_of(folder_model(checkpoint));
  options_.weights = "f32";
  const GgufModelFile file = gguf_model_file(checkpoint, /*q8=*/true);
  EXPECT_EQ(file.tensors.at("blk.0.attn_q.weight").type, 8U);
  const Difference difference = difference_of(logits_of(gguf_model(file)), expected);
  EXPECT_EQ(difference.largest, 0);
}

TEST_F(GgufModelTest, BlocksStayWholeWhereRowsMove) {
  const HfCheckpoint checkpoint = block_checkpoint();
  auto stored = GgufCheckpoint::open(write_gguf(gguf_model_file(checkpoint, /*q8=*/true)));
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  const GgufCheckpoint* const as_stored = stored->get();
  auto model = read_gguf_model(*std::move(stored));
  ASSERT_TRUE(model.ok()) << model.status().message();
  const Checkpoint& made = *model->checkpoint;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    SCOPED_TRACE(name);
    const CheckpointTensor* found = made.find(name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->shape, tensor.shape());
    if (found->blocks == nullptr) continue;
    EXPECT_EQ(found->blocks->name, "Q8_0");
    Scratch scratch;
    Scratch unpacked;
    const auto blocks = made.read_blocks(*found, scratch);
    const auto read = made.read(*found, unpacked);
    ASSERT_TRUE(blocks.ok() && read.ok());
    const auto count = static_cast<size_t>(*element_count(tensor.shape()));
    ASSERT_EQ(blocks->size(), count / 32 * 34);
    std::vector<float> values(count);
    found->blocks->unpack(blocks->data(), count / 32, values.data());
    EXPECT_TRUE(std::equal(values.begin(), values.end(), tensor.as<float>()));
    EXPECT_TRUE(std::equal(values.begin(), values.end(), read->as<float>()));
    const bool moved =
        name.find("q_proj") != std::string::npos || name.find("k_proj") != std::string::npos;
    EXPECT_EQ(scratch.empty(), !moved) << "what stays in place is not copied";
  }
  Scratch scratch;
  EXPECT_FALSE(made.read_blocks(*made.find("model.norm.weight"), scratch).ok());
  EXPECT_NE(as_stored->find("blk.0.attn_q.weight"), nullptr);
}

TEST_F(GgufModelTest, IsRecognisedByContentAlone) {
  const GgufModelFile file = gguf_model_file(checkpoint_of("qwen2"));
  write_gguf(file, "weights.bin");
  put("config.json", "{\"model_type\": \"bert\"}");
  EXPECT_TRUE(load(path("weights.bin"), options_).ok());
  // In a folder its name tells, but the config beside it still does not count.
  std::filesystem::rename(path("weights.bin"), path("weights.gguf"));
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->info().family, "qwen2");
}

TEST_F(GgufModelTest, AConfigThatIsGivenCounts) {
  write_gguf(gguf_model_file(checkpoint_of("qwen2")));
  put("other.json", "{\"model_type\": \"nothing\"}");
  options_.config = path("other.json");
  EXPECT_TRUE(has(load(path("model.gguf"), options_).status().message(), "'nothing'"));
}

TEST_F(GgufModelTest, TokenizerAndDefaults) {
  GgufModelFile file = llama_file();
  file.text("tokenizer.chat_template", "{{ bos_token }}{{ messages[0].content }}");
  const Model model = gguf_model(file);
  const GenerationOptions& generation = model.info().generation;
  EXPECT_EQ(generation.bos_token_id, 1);
  EXPECT_EQ(generation.pad_token_id, 0);
  EXPECT_EQ(generation.eos_token_ids, (std::vector<int32_t>{2, 3}));  // <|im_end|> by its name
  const Result<Tokenizer> tokenizer = Tokenizer::of(model);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto ids = [&](std::string_view text) {
    const auto encoding = tokenizer->encode(text);
    EXPECT_TRUE(encoding.ok());
    std::vector<std::string> tokens;
    for (const int32_t id : encoding->ids) tokens.emplace_back(tokenizer->token(id));
    return tokens;
  };
  using Tokens = std::vector<std::string>;
  EXPECT_EQ(ids("hello world"), (Tokens{"<s>", "hello", "\u0120w", "o", "r", "l", "d"}));
  EXPECT_EQ(ids("1212"), (Tokens{"<s>", "12", "1", "2"}));  // three digits, then one
  EXPECT_EQ(ids("<tool>he<|im_end|>"), (Tokens{"<s>", "<tool>", "he", "<|im_end|>"}));
  EXPECT_EQ(*tokenizer->decode(std::vector<int32_t>{1, 264, 3, 4}), "hello<tool>");
}

TEST_F(GgufModelTest, IsDescribedInTheFilesWords) {
  GgufModelFile file = gguf_model_file(block_checkpoint(), /*q8=*/true);
  auto contents = describe_checkpoint(write_gguf(file), options_);
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->architecture, "llama");
  EXPECT_EQ(contents->family, "llama");
  EXPECT_EQ(contents->tokenizer, "");
  ASSERT_EQ(contents->tensors.size(), file.tensors.size());
  const auto query =
      std::ranges::find(contents->tensors, "blk.0.attn_q.weight", &StoredTensorInfo::name);
  ASSERT_NE(query, contents->tensors.end());
  EXPECT_EQ(query->read_as, "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(query->type, "Q8_0");
  EXPECT_EQ(query->shape, (Shape{64, 64}));
  contents = describe_checkpoint(write_gguf(llama_file()), options_);
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->tokenizer, "gpt2, llama-bpe: BPE, 300 tokens");
}

TEST_F(GgufModelTest, AddsTokensAsTheFileSays) {
  GgufModelFile file = llama_file();
  file.boolean("tokenizer.ggml.add_bos_token", false);
  file.boolean("tokenizer.ggml.add_eos_token", true);
  const Result<Tokenizer> tokenizer = Tokenizer::of(gguf_model(file));
  ASSERT_TRUE(tokenizer.ok());
  const auto encoding = tokenizer->encode("hello");
  EXPECT_EQ(encoding->ids, (std::vector<int32_t>{264, 2}));
}

TEST_F(GgufModelTest, RefusesWrongHyperparameters) {
  using Change = std::function<void(GgufModelFile&)>;
  const auto u32 = [](const char* key, uint32_t value) -> Change {
    return [=](GgufModelFile& file) { file.u32(key, value); };
  };
  const auto text = [](const char* key, const char* value) -> Change {
    return [=](GgufModelFile& file) { file.text(key, value); };
  };
  const auto without = [](const char* key) -> Change {
    return [=](GgufModelFile& file) { file.entries.erase(key); };
  };
  struct Case {
    Change change;
    StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {without("llama.block_count"), StatusCode::kDataLoss,
       "metadata 'llama.block_count' is missing"},
      {without("llama.embedding_length"), StatusCode::kDataLoss, "'llama.embedding_length' is"},
      {without("llama.context_length"), StatusCode::kDataLoss, "'llama.context_length' is missing"},
      {without("llama.feed_forward_length"), StatusCode::kDataLoss, "'llama.feed_forward_length'"},
      {without("llama.attention.head_count"), StatusCode::kDataLoss, "attention.head_count' is"},
      {without("llama.attention.layer_norm_rms_epsilon"), StatusCode::kDataLoss,
       "'llama.attention.layer_norm_rms_epsilon' is missing"},
      {text("llama.block_count", "2"), StatusCode::kDataLoss,
       "'llama.block_count': expected an integer from 1 to 4096, found '2'"},
      {u32("llama.block_count", 0), StatusCode::kDataLoss, "from 1 to 4096, found 0"},
      {u32("llama.block_count", 4000000000), StatusCode::kDataLoss, "found 4000000000"},
      {u32("llama.block_count", 1), StatusCode::kDataLoss, "belongs to none of the 1 layers"},
      {u32("llama.block_count", 3), StatusCode::kNotFound,
       "9 tensors are missing: 'blk.2.attn_norm.weight'"},
      {u32("llama.embedding_length", 64), StatusCode::kInvalidArgument,
       "'token_embd.weight' expected [300, 64], file has [300, 60]"},
      {u32("llama.attention.head_count", 7), StatusCode::kDataLoss, "the even size of a head, 8"},
      {u32("llama.attention.head_count", 61), StatusCode::kDataLoss, "at most the 60 features"},
      {u32("llama.attention.head_count_kv", 4), StatusCode::kDataLoss, "rows"},
      {u32("llama.attention.value_length", 4), StatusCode::kUnsupported, "value_length'"},
      {u32("llama.rope.dimension_count", 4), StatusCode::kDataLoss, "the even size of a head, 10"},
      {text("llama.rope.scaling.type", "other"), StatusCode::kUnsupported, "'other'"},
      {u32("llama.expert_count", 8), StatusCode::kDataLoss, "'llama.expert_used_count' is missing"},
      {u32("llama.expert_used_count", 2), StatusCode::kUnsupported, "a mixture of experts"},
      {u32("llama.vocab_size", 12), StatusCode::kDataLoss, "'token_embd.weight', found 12"},
      {u32("llama.attention.novelty", 1), StatusCode::kUnsupported, "'llama.attention.novelty'"},
      {text("general.architecture", "mamba"), StatusCode::kUnsupported,
       "unknown architecture 'mamba'; known: llama, "},
      {u32("general.architecture", 1), StatusCode::kDataLoss, "expected a string, found 1"},
      {text("general.type", "adapter"), StatusCode::kUnsupported, "'adapter' is not supported"},
      {[](GgufModelFile& file) { file.tensors.erase("token_embd.weight"); }, StatusCode::kDataLoss,
       "'token_embd.weight' is missing"},
      {[](GgufModelFile& file) { file.tensors.erase("output_norm.weight"); }, StatusCode::kNotFound,
       "1 tensor is missing: 'output_norm.weight'"},
      {[](GgufModelFile& file) { file.tensor("blk.0.ffn_gate_inp.weight", {1}, {1}); },
       StatusCode::kUnsupported, "'blk.0.ffn_gate_inp.weight' is not known"},
      {[](GgufModelFile& file) { file.tensor("blk.00.ffn_up.weight", {1}, {1}); },
       StatusCode::kUnsupported, "'blk.00.ffn_up.weight' is not known"},
      {[](GgufModelFile& file) {
         file.tensor("rope_freqs.weight", {4}, {1, 1, 1, 1});
       },
       StatusCode::kDataLoss, "'rope_freqs.weight' has the shape"},
      {[](GgufModelFile& file) {
         file.tensor("rope_freqs.weight", {5}, {1, 1, 0, 1, 1});
       },
       StatusCode::kDataLoss, "a factor that is not positive"},
  };
  const GgufModelFile good = llama_file();
  gguf_model(good);
  for (const Case& bad : cases) {
    GgufModelFile file = good;
    bad.change(file);
    EXPECT_TRUE(has(message(file, bad.code), bad.message));
  }
}

TEST_F(GgufModelTest, AValueForEachLayerMustBeTheSame) {
  GgufModelFile file = llama_file();
  file.numbers("llama.attention.head_count_kv", {2, 2});
  gguf_model(file);
  file.numbers("llama.attention.head_count_kv", {2, 3});
  EXPECT_TRUE(has(message(file, StatusCode::kUnsupported), "head_count_kv'", "layer to layer"));
  file.numbers("llama.attention.head_count_kv", {});
  EXPECT_TRUE(has(message(file), "head_count_kv'", "found an array of 0 i32"));
}

TEST_F(GgufModelTest, RefusesWrongTokenizers) {
  using Change = std::function<void(GgufModelFile&)>;
  struct Case {
    Change change;
    StatusCode code;
    const char* message;
  };
  const std::string prefix = "tokenizer.ggml.";
  const auto u32 = [&](const char* key, uint32_t value) -> Change {
    return [=](GgufModelFile& file) { file.u32(prefix + key, value); };
  };
  const auto text = [&](const char* key, const char* value) -> Change {
    return [=](GgufModelFile& file) { file.text(prefix + key, value); };
  };
  const auto texts = [&](const char* key, const std::vector<std::string>& list) -> Change {
    return [=](GgufModelFile& file) { file.texts(prefix + key, list); };
  };
  const auto without = [&](const char* key) -> Change {
    return [=](GgufModelFile& file) { file.entries.erase(prefix + key); };
  };
  std::vector<std::string> twice(kGgufModelTokens);
  for (size_t i = 0; i < kGgufModelTokens; ++i) twice[i] = "t" + std::to_string(i);
  twice[7] = "t3";
  std::vector<std::string> malformed(kGgufModelTokens, "");
  malformed[2] = "\xff";
  const Case cases[] = {
      {text("model", "rwkv"), StatusCode::kUnsupported, "'tokenizer.ggml.model': 'rwkv'"},
      {u32("model", 1), StatusCode::kDataLoss, "expected a string"},
      {text("pre", "novel"), StatusCode::kUnsupported, "the pre-tokenizer 'novel'"},
      {without("tokens"), StatusCode::kDataLoss, "'tokenizer.ggml.tokens' is missing"},
      {u32("tokens", 1), StatusCode::kDataLoss, "expected an array of strings, found 1"},
      {texts("tokens", {}), StatusCode::kDataLoss, "expected 1 to"},
      {texts("tokens", {"a", "b", "c", "d"}), StatusCode::kDataLoss, "expected one for each of"},
      {texts("tokens", twice), StatusCode::kDataLoss, "token 7 is 't3', like token 3"},
      {texts("tokens", malformed), StatusCode::kDataLoss, "token 2: "},
      {without("merges"), StatusCode::kDataLoss, "'tokenizer.ggml.merges' is missing"},
      {texts("merges", {"ab"}), StatusCode::kDataLoss, "merge 0 is 'ab', expected two tokens"},
      {texts("merges", {"h e", "zz yy"}), StatusCode::kDataLoss, "'zz', which is not in the"},
      {[](GgufModelFile& file) { file.numbers("tokenizer.ggml.token_type", {1}); },
       StatusCode::kDataLoss, "has 1 elements, expected one for each of the 300 tokens"},
      {[](GgufModelFile& file) {
         file.numbers("tokenizer.ggml.token_type", std::vector<int32_t>(kGgufModelTokens, 7));
       },
       StatusCode::kDataLoss, "the type of token 0 is not one of 0 to 6"},
      {[](GgufModelFile& file) { file.floats("tokenizer.ggml.scores", {1}); },
       StatusCode::kDataLoss, "scores' has 1 elements"},
      {[](GgufModelFile& file) {
         file.floats("tokenizer.ggml.scores", std::vector<float>(kGgufModelTokens, INFINITY));
       },
       StatusCode::kDataLoss, "the score of token 0 is not finite"},
      {u32("bos_token_id", kGgufModelTokens), StatusCode::kDataLoss,
       "'tokenizer.ggml.bos_token_id'"},
      {text("eos_token_id", "2"), StatusCode::kDataLoss, "'tokenizer.ggml.eos_token_id'"},
      {without("bos_token_id"), StatusCode::kDataLoss, "'tokenizer.ggml.add_bos_token' needs it"},
      {text("add_bos_token", "yes"), StatusCode::kDataLoss, "expected a bool, found 'yes'"},
      {text("model", "llama"), StatusCode::kDataLoss, "'tokenizer.ggml.scores' is missing"},
      {[](GgufModelFile& file) {
         file.tensor("token_embd.weight", {kGgufModelTokens + 1, 60},
                     std::vector<float>((kGgufModelTokens + 1) * 60, 1));
       },
       StatusCode::kDataLoss, "has 300 tokens, but tensor 'token_embd.weight' has 301 rows"},
  };
  const GgufModelFile good = llama_file();
  for (const Case& bad : cases) {
    GgufModelFile file = good;
    bad.change(file);
    EXPECT_TRUE(has(message(file, bad.code), bad.message));
  }
}

TEST_F(GgufModelTest, SpecialTokensOfPhi3IncludeTheSpaceBehindThem) {
  GgufModelFile file = llama_file();
  const auto ids = [&] {
    const Result<Tokenizer> tokenizer = load_tokenizer(write_gguf(file), options_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    return tokenizer->encode("<tool> \nhe<s> he")->ids;
  };
  const std::vector<int32_t> spaces = {1, 4, 5 + ' ', 5 + '\n', 261, 1, 5 + ' ', 261};
  EXPECT_EQ(ids(), spaces);
  file.text("general.name", "My PHI-3");
  EXPECT_EQ(ids(), (std::vector<int32_t>{1, 4, 261, 1, 5 + ' ', 261}));
}

TEST_F(GgufModelTest, AWrongChatTemplateIsLeftOut) {
  GgufModelFile file = llama_file();
  file.text("tokenizer.chat_template", "\xff");
  gguf_model(file);
  EXPECT_TRUE(reported("'tokenizer.chat_template' is no text in UTF-8"));
}

/// Whatever byte is wrong, there is a model or one clear line.
TEST_F(GgufModelTest, AnyByteOfTheHeaderMayBeWrong) {
  const std::string good = llama_file().bytes();
  const size_t header = good.find("blk.0.attn_norm.weight");
  ASSERT_NE(header, std::string::npos);
  write_gguf(llama_file());
  for (size_t i = 8; i < header; i += 11) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
    put("model.gguf", bad);
    const Result<Tokenizer> tokenizer = load_tokenizer(path("model.gguf"), options_);
    if (tokenizer.ok()) continue;
    EXPECT_FALSE(tokenizer.status().message().empty());
    EXPECT_EQ(tokenizer.status().message().find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace lanewise::converters
