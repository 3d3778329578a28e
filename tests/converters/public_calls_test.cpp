#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/embedder.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

using PublicCalls = CheckpointFolderTest;

TEST_F(PublicCalls, LoadTheTokenizerOfACheckpointAndOfAModelFile) {
  write_all();
  const auto of_folder = load_tokenizer(source_.string());
  ASSERT_TRUE(of_folder.ok()) << of_folder.status().message();
  const auto of_model = Tokenizer::of(loaded());
  ASSERT_TRUE(of_model.ok());
  ASSERT_TRUE(convert_folder().ok());
  const auto of_file = load_tokenizer(destination());
  ASSERT_TRUE(of_file.ok()) << of_file.status().message();
  ASSERT_GT(of_folder->vocabulary_size(), 0);
  for (int32_t id = 0; id < of_folder->vocabulary_size(); ++id) {
    EXPECT_EQ(of_folder->token(id), of_model->token(id));
    EXPECT_EQ(of_folder->token(id), of_file->token(id));
  }
  EXPECT_EQ(*of_folder->to_json(), *of_model->to_json());
  EXPECT_EQ(load_tokenizer(path("none")).status().code(), StatusCode::kNotFound);
}

TEST_F(PublicCalls, SayThatThereIsNoTokenizer) {
  write();
  const auto none = load_tokenizer(source_.string());
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  EXPECT_NE(none.status().message().find("has no tokenizer"), std::string::npos);
}

TEST_F(PublicCalls, ShowTheGraphBeforeFusion) {
  write();
  const auto before = lanewise::textbook_graph(source_.string());
  ASSERT_TRUE(before.ok()) << before.status().message();
  const auto after = ModelGraph::of(loaded());
  ASSERT_TRUE(after.ok());
  EXPECT_GT(before->nodes().size(), after->nodes().size());
  EXPECT_EQ(before->outputs().size(), after->outputs().size());
  EXPECT_EQ(*before->to_text(), *describe_textbook_graph(source_.string()));
  EXPECT_EQ(lanewise::textbook_graph(path("none")).status().code(), StatusCode::kNotFound);
}

TEST_F(PublicCalls, DescribeACheckpoint) {
  write_all();
  const auto contents = describe_checkpoint(source_.string());
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->architecture, "");
  EXPECT_EQ(contents->family, "bert");
  EXPECT_EQ(contents->tokenizer, "WordPiece, 13 tokens");
  EXPECT_EQ(contents->files, std::vector<std::string>{path("model.safetensors")});
  ASSERT_EQ(contents->tensors.size(), tensors_.size());
  const StoredTensorInfo& first = contents->tensors.front();
  EXPECT_EQ(first.name, tensors_.begin()->first);
  EXPECT_EQ(first.read_as, first.name);
  EXPECT_EQ(first.type, "F32");
  EXPECT_EQ(first.shape, tensors_.begin()->second.shape());
  EXPECT_EQ(first.becomes, "layer_norm bias, f32");
  EXPECT_EQ(describe_checkpoint(path("none")).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(convert_folder().code(), StatusCode::kOk);
  EXPECT_EQ(verify(*Model::open(destination())).code(), StatusCode::kOk);
  EXPECT_EQ(verify(*load(source_.string())).code(), StatusCode::kNotFound);
  EXPECT_EQ(describe_checkpoint(destination()).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lanewise::converters
