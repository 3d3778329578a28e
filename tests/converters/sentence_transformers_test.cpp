#include <gtest/gtest.h>

#include <string>

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

  /// `mode` alone is on.
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
  const std::pair<const char*, const char*> modes[] = {{"cls_token", "first"},
                                                       {"mean_tokens", "mean"},
                                                       {"max_tokens", "max"},
                                                       {"lasttoken", "last"}};
  for (const auto& [mode, kind] : modes) {
    put_pooling(mode);
    EXPECT_EQ(*converted().node("sentence.pool").attributes.get_string("kind", ""), kind);
  }
  EXPECT_FALSE(reported("no modules.json"));
  std::filesystem::remove(destination());
  for (const char* mode : {"mean_sqrt_len_tokens", "weightedmean_tokens"}) {
    put_pooling(mode);
    EXPECT_TRUE(has(failure(StatusCode::kUnsupported), mode));
  }
}

TEST_F(SentenceTransformersTest, RefusesPoolingThatItCannotDo) {
  write_all();
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}});
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "1_Pooling/config.json"));
  put("1_Pooling/config.json", R"({"pooling_mode_max_tokens": true})");  // The mean is on too.
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported),
                  "'pooling_mode_mean_tokens' with 'pooling_mode_max_tokens'"));
  put("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": false})");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "chooses no pooling mode"));
  put("1_Pooling/config.json", R"({"word_embedding_dimension": 21})");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "must be the model's 20, found 21"));
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

TEST_F(SentenceTransformersTest, NamesUnknownModules) {
  write_all();
  put_pooling("mean_tokens");
  put_modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}, {"Dense", "2_Dense"}});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "modules.json': module 'Dense'"));
  put_modules({{"Transformer", ""}, {"Normalize", "2_Normalize"}, {"Pooling", "1_Pooling"}});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "module 'Normalize'"));
  put_modules({{"CLIPModel", ""}});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'CLIPModel'"));
  put_modules({});
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "found none"));
  put("modules.json", "{}");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "must be a list of JSON objects"));
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
  for (const char* bad : {"../source/0_BERT", "/etc", "0_BERT/..", "."}) {
    put_modules({{"Transformer", bad}});
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'path' must be a folder in this"));
  }
}

TEST_F(SentenceTransformersTest, KnowsWhereTextsAreCut) {
  write_all();
  EXPECT_EQ(max_text_tokens(), kPositions);
  put("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(max_text_tokens(), kPositions);
  put("tokenizer_config.json", R"({"model_max_length": 17})");
  EXPECT_EQ(max_text_tokens(), 17);
  put("sentence_bert_config.json", R"({"max_seq_length": null, "do_lower_case": true})");
  EXPECT_EQ(max_text_tokens(), 17);
  EXPECT_TRUE(reported("do_lower_case is ignored"));
  put("sentence_bert_config.json", R"({"max_seq_length": 9})");
  EXPECT_EQ(max_text_tokens(), 9);
  put("sentence_bert_config.json", R"({"max_seq_length": 512})");
  EXPECT_EQ(max_text_tokens(), kPositions);
  put("sentence_bert_config.json", R"({"max_seq_length": 0})");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'max_seq_length'"));
}

}  // namespace
}  // namespace lanewise::converters
