// The real checkpoint of tools/get-model minilm, in the folder $LANEWISE_MINILM_DIR.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

class ModelMinilmConversionTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    const char* folder = std::getenv("LANEWISE_MINILM_DIR");
    if (folder == nullptr ||
        !std::filesystem::exists(std::filesystem::path(folder) / "config.json")) {
      GTEST_SKIP() << "LANEWISE_MINILM_DIR names no checkpoint; see tools/get-model";
    }
    source_ = folder;
  }
};

TEST_F(ModelMinilmConversionTest, TellsWhatItIs) {
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  const ModelInfo& info = model->info();
  EXPECT_EQ(info.family, "bert");
  EXPECT_EQ(info.task, "embedding");
  EXPECT_EQ(info.vocabulary_size, 30522);
  EXPECT_EQ(info.token_types, 2);
  EXPECT_EQ(info.max_tokens, 512);
  EXPECT_EQ(info.max_text_tokens, 256);
  ASSERT_EQ(info.outputs.size(), 3U);
  for (const OutputInfo& output : info.outputs) EXPECT_EQ(output.features, 384) << output.name;
  EXPECT_TRUE(reported("1 tensor is ignored (not a weight): 'embeddings.position_ids'"));
  EXPECT_FALSE(reported("unused"));
}

TEST_F(ModelMinilmConversionTest, IsFusedAndPacked) {
  const ConvertedFile out = converted();
  // Embedding and norm, 7 nodes a layer, pooler (2), pooling and normalisation.
  EXPECT_EQ(out.graph.nodes.size(), 2U + 7U * 6U + 2U + 2U);
  EXPECT_EQ(out.weight("encoder.layer.5.output.dense", "weight").shape, (Shape{24, 1536, 16}));
  EXPECT_EQ(out.weight("embeddings", "table").shape, (Shape{30522, 384}));
  EXPECT_EQ(out.node("sentence.normalize").op, "l2_normalize");
}

}  // namespace
}  // namespace lanewise::converters
