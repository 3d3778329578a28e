// A BERT in a GGUF file against the folder that it was made from.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/session.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/gguf_model_file.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

const std::vector<std::pair<std::string, std::string>> kGgufBertNames = {
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.position_embeddings", "position_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"attention.self.query", "attn_q"},
    {"attention.self.key", "attn_k"},
    {"attention.self.value", "attn_v"},
    {"attention.output.dense", "attn_output"},
    {"attention.output.LayerNorm", "attn_output_norm"},
    {"intermediate.dense", "ffn_up"},
    {"output.dense", "ffn_down"},
    {"output.LayerNorm", "layer_output_norm"},
};

class GgufBertTest : public CheckpointFolderTest {
 protected:
  static std::string name_of(std::string name) {
    const std::string layer = "encoder.layer.";
    std::string prefix;
    if (name.starts_with(layer)) {
      prefix = "blk." + name.substr(layer.size(), 2);
      name = name.substr(layer.size() + 2);
    }
    for (const auto& [from, to] : kGgufBertNames) {
      if (name.starts_with(from + ".")) return prefix + to + name.substr(from.size());
    }
    return name;
  }

  GgufModelFile file() const {
    GgufModelFile file;
    file.text("general.architecture", "bert");
    file.u32("bert.block_count", kLayers);
    file.u32("bert.embedding_length", kHidden);
    file.u32("bert.feed_forward_length", kIntermediate);
    file.u32("bert.attention.head_count", 4);
    file.u32("bert.context_length", kPositions);
    file.f32("bert.attention.layer_norm_epsilon", 1e-12F);
    file.boolean("bert.attention.causal", false);
    file.u32("bert.pooling_type", 2);
    for (const auto& [name, tensor] : tensors_) {
      const auto count = static_cast<size_t>(*element_count(tensor.shape()));
      const float* values = tensor.as<float>();
      file.tensor(name_of(name), tensor.shape(), {values, values + count});
    }
    file.text("tokenizer.ggml.model", "bert");
    file.texts("tokenizer.ggml.tokens", {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
                                         "\u2581"
                                         "a",
                                         "\u2581"
                                         "b",
                                         "\u2581"
                                         "c",
                                         "\u2581"
                                         "d",
                                         "\u2581"
                                         "e",
                                         "a", "b", "c"});
    file.numbers("tokenizer.ggml.token_type", {3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
    file.u32("tokenizer.ggml.padding_token_id", 0);
    file.u32("tokenizer.ggml.unknown_token_id", 1);
    file.u32("tokenizer.ggml.cls_token_id", 2);
    file.u32("tokenizer.ggml.seperator_token_id", 3);
    file.u32("tokenizer.ggml.mask_token_id", 4);
    return file;
  }

  Result<Model> loaded_gguf(const GgufModelFile& gguf) {
    put("gguf/model.gguf", gguf.bytes());
    return load(path("gguf/model.gguf"), options_);
  }

  /// The folder with the modules that the file asks for.
  Model folder_model() {
    write_all();
    put("modules.json",
        R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
    put("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *std::move(model);
  }
};

TEST_F(GgufBertTest, EmbedsAsTheFolderDoes) {
  const Result<Model> gguf = loaded_gguf(file());
  ASSERT_TRUE(gguf.ok()) << gguf.status().message();
  const Model folder = folder_model();
  EXPECT_EQ(gguf->info().outputs.size(), folder.info().outputs.size());
  const std::vector<std::string> texts = {"ab c", "", "E d\u00e9 zz [MASK] cab"};
  Result<Embedder> own = Embedder::create(*gguf, {});
  Result<Embedder> expected = Embedder::create(folder, {});
  ASSERT_TRUE(own.ok() && expected.ok());
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto a = own->embed(views);
  const auto b = expected->embed(views);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->dimension, kHidden);
  EXPECT_EQ(a->tokens, b->tokens);
  EXPECT_EQ(a->values, b->values);
}

TEST_F(GgufBertTest, TokenizesAsLlamaCpp) {
  const Result<Model> gguf = loaded_gguf(file());
  ASSERT_TRUE(gguf.ok()) << gguf.status().message();
  const Result<Tokenizer> tokenizer = Tokenizer::of(*gguf);
  ASSERT_TRUE(tokenizer.ok());
  // Compared with llama.cpp: its ids are these.
  EXPECT_EQ(tokenizer->encode("ab c")->ids, (Ids{2, 5, 11, 7, 3}));
  EXPECT_EQ(tokenizer->encode("Abc-\u00c9 x")->ids, (Ids{2, 5, 11, 12, 1, 9, 1, 3}));
  EXPECT_EQ(tokenizer->encode("a[MASK]b")->ids, (Ids{2, 5, 4, 6, 3}));
  EXPECT_EQ(*tokenizer->decode(Ids{2, 5, 11, 7, 3}), "ab c");
}

TEST_F(GgufBertTest, RefusesWhatItIsNot) {
  const auto message = [&](const auto& change) {
    GgufModelFile changed = file();
    change(changed);
    const Result<Model> model = loaded_gguf(changed);
    return model.ok() ? std::string() : model.status().message();
  };
  EXPECT_TRUE(has(message([](auto& f) { f.boolean("bert.attention.causal", true); }),
                  "'bert.attention.causal': true is not supported"));
  EXPECT_TRUE(has(message([](auto& f) { f.u32("bert.pooling_type", 4); }),
                  "'bert.pooling_type': 4 is not supported"));
  EXPECT_TRUE(has(message([](auto& f) { f.entries.erase("tokenizer.ggml.cls_token_id"); }),
                  "'tokenizer.ggml.bos_token_id' is missing"));
  EXPECT_TRUE(has(message([](auto& f) { f.tensors.erase("blk.1.attn_q.bias"); }),
                  "1 tensor is missing: 'blk.1.attn_q.bias'"));
  EXPECT_TRUE(has(message([](auto& f) {
                    f.texts("tokenizer.ggml.tokens",
                            {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u2581##a", "a", "b",
                             "c", "d", "e", "f", "g"});
                  }),
                  "two tokens are '##a'"));
}

}  // namespace
}  // namespace lanewise::converters
