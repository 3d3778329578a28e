// Tokenizers of GGUF files against llama.cpp (tests/reference/make_gguf_tokenizers.py).

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/gguf_model_file.hpp"
#include "tests/converters/hashed_weights.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

const Json& gguf_tokenizer_golden() {
  static const Json json = Json::parse(std::ifstream(data_path("gguf/tokenizers.json")));
  return json;
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& [name, ids] : gguf_tokenizer_golden().at("ids").items()) names.push_back(name);
  return names;
}

class GgufTokenizerTest : public CheckpointFolderTest,
                          public ::testing::WithParamInterface<std::string> {
 protected:
  /// A model whose weights do not matter.
  static GgufModelFile with_vocabulary(size_t tokens) {
    GgufModelFile file;
    file.text("general.architecture", "llama");
    for (const char* name : {"block_count", "attention.head_count"}) {
      file.u32(std::string("llama.") + name, 1);
    }
    for (const char* name : {"embedding_length", "feed_forward_length", "context_length"}) {
      file.u32(std::string("llama.") + name, 2);
    }
    file.f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    const std::vector<float> four(4);
    for (const char* name :
         {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
      file.tensor("blk.0." + std::string(name) + ".weight", {2, 2}, four);
    }
    for (const char* name : {"blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"}) {
      file.tensor(std::string(name) + ".weight", {2}, {1, 1});
    }
    file.tensor("token_embd.weight", {static_cast<int64_t>(tokens), 2},
                std::vector<float>(2 * tokens));
    return file;
  }

  static GgufModelFile byte_level(const std::string& pre) {
    const Json& bpe = gguf_tokenizer_golden().at("bpe");
    const auto tokens = bpe.at("tokens").get<std::vector<std::string>>();
    GgufModelFile file = with_vocabulary(tokens.size());
    file.text("tokenizer.ggml.model", "gpt2");
    file.text("tokenizer.ggml.pre", pre);
    file.texts("tokenizer.ggml.tokens", tokens);
    file.numbers("tokenizer.ggml.token_type", bpe.at("types").get<Ids>());
    file.texts("tokenizer.ggml.merges", bpe.at("merges").get<std::vector<std::string>>());
    const auto first_added = static_cast<uint32_t>(tokens.size() - 7);
    file.u32("tokenizer.ggml.bos_token_id", first_added);
    file.u32("tokenizer.ggml.eos_token_id", first_added + 1);
    return file;
  }

  static GgufModelFile pieces(bool prefix) {
    std::vector<std::string> tokens;
    std::vector<float> scores;
    Ids types;
    for (const Json& piece : gguf_tokenizer_golden().at("pieces")) {
      tokens.push_back(piece.at(0));
      scores.push_back(piece.at(1));
      types.push_back(piece.at(2));
    }
    GgufModelFile file = with_vocabulary(tokens.size());
    file.text("tokenizer.ggml.model", "llama");
    file.texts("tokenizer.ggml.tokens", tokens);
    file.floats("tokenizer.ggml.scores", scores);
    file.numbers("tokenizer.ggml.token_type", types);
    if (!prefix) file.boolean("tokenizer.ggml.add_space_prefix", false);
    return file;
  }

  Tokenizer tokenizer() {
    const bool of_pieces = GetParam().starts_with("pieces");
    put("model.gguf",
        (of_pieces ? pieces(GetParam() == "pieces") : byte_level(GetParam())).bytes());
    Result<Tokenizer> tokenizer = load_tokenizer(path("model.gguf"), options_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    return *std::move(tokenizer);
  }
};
std::string case_name(const ::testing::TestParamInfo<std::string>& one) {
  std::string name = one.param;
  for (char& c : name) {
    if (c == ' ' || c == '-') c = '_';
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Cases, GgufTokenizerTest, ::testing::ValuesIn(cases()), case_name);

TEST_P(GgufTokenizerTest, GivesTheIdsOfLlamaCpp) {
  const Tokenizer own = tokenizer();
  const auto texts = gguf_tokenizer_golden().at("texts").get<std::vector<std::string>>();
  const auto expected = gguf_tokenizer_golden().at("ids").at(GetParam()).get<std::vector<Ids>>();
  ASSERT_EQ(texts.size(), expected.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto encoding = own.encode(texts[i]);
    ASSERT_TRUE(encoding.ok()) << encoding.status().message();
    EXPECT_EQ(encoding->ids, expected[i]) << texts[i];
  }
}

TEST_P(GgufTokenizerTest, DecodesWhatItEncoded) {
  const Tokenizer own = tokenizer();
  for (const std::string text : {"Hello, world!", "x  y\n", "\u4e2d\u6587 \u00e9"}) {
    const auto encoding = own.encode(text);
    ASSERT_TRUE(encoding.ok());
    EXPECT_EQ(*own.decode(encoding->ids), text);
  }
}

}  // namespace
}  // namespace lanewise::converters
