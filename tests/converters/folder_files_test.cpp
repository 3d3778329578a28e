// The files beside weights: all of them are found, hidden, copied and followed alike.

#include "converters/folder_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "converters/source_folder.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

class FolderFilesTest : public CheckpointFolderTest {
 protected:
  std::string made() const { return (root_ / "made").string(); }
  /// All files of the folder that is written again, by their names in it.
  std::set<std::string> files_made() {
    std::filesystem::remove_all(made());
    const Status status = export_checkpoint(source_.string(), made(), options_);
    EXPECT_TRUE(status.ok()) << status.message();
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(made())) {
      if (entry.is_directory()) continue;
      names.insert(entry.path().lexically_relative(made()).generic_string());
    }
    return names;
  }
};

TEST_F(FolderFilesTest, AreEachNamedOnce) {
  const std::vector<std::string> names = files_beside_weights();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_NE(std::ranges::find(names, "spm.model"), names.end());
}

TEST_F(FolderFilesTest, AnyFileOfATokenizerHidesThoseOfTheFolderBehind) {
  const std::string front = (root_ / "front").string();
  for (const char* name : kTokenizerFiles) {
    put(name, "behind");
    SourceFolder folder(source_.string());
    std::filesystem::remove_all(front);
    std::filesystem::create_directory(front);
    folder.put_in_front(front);
    EXPECT_TRUE(folder.has(name)) << name;
    for (const char* other : kTokenizerFiles) {
      if (std::string(other) == name) continue;
      std::filesystem::remove_all(front);
      std::filesystem::create_directory(front);
      std::filesystem::copy(path(name), front + "/" + other);
      folder.put_in_front(front);
      EXPECT_FALSE(folder.has(name)) << name << " behind " << other;
    }
  }
}

TEST_F(FolderFilesTest, LinksToNothingAreNamed) {
  for (const std::string& name : files_beside_weights()) {
    write_all();
    std::filesystem::remove(path(name));
    std::filesystem::create_symlink("../../blobs/0123", path(name));
    EXPECT_TRUE(has(failure(StatusCode::kNotFound), "'" + name + "' is a link to")) << name;
    std::filesystem::remove(path(name));
  }
}

TEST_F(FolderFilesTest, AreWrittenAgain) {
  write_all();
  std::set<std::string> expected = {"config.json", "model.safetensors", "vocab.txt"};
  for (const char* name : kTextConfigs) expected.insert(name);
  for (const char* name : {"chat_template.jinja", "preprocessor_config.json", "spm.model"}) {
    expected.insert(name);
  }
  for (const std::string& name : expected) {
    if (!std::filesystem::exists(path(name))) put(name, R"({"max_seq_length": 11})");
  }
  put("additional_chat_templates/tools.jinja", "{{ messages }}");
  expected.insert("additional_chat_templates/tools.jinja");
  put("README.md", "not read");
  EXPECT_EQ(files_made(), expected);
}

TEST_F(FolderFilesTest, OfAllModulesAreWrittenAgainWhereTheyAre) {
  write_config();
  write_tensors("0_BERT/model.safetensors", tensors_);
  std::filesystem::rename(path("config.json"), path("0_BERT/config.json"));
  put("0_BERT/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
  put("0_BERT/sentence_xlnet_config.json", R"({"max_seq_length": 9})");
  put("config_sentence_transformers.json", "{}");
  const std::string type = R"({"type": "sentence_transformers.models.)";
  put("modules.json", "[" + type + R"(Transformer", "path": "0_BERT"}, )" + type +
                          R"(Pooling", "path": "1_Pooling"}, )" + type +
                          R"(Dropout", "path": "2_Dropout"}, )" + type +
                          R"(Dense", "path": "3_Dense"}])");
  put("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  put("2_Dropout/config.json", R"({"dropout": 0.1})");
  std::set<std::string> expected = {
      "0_BERT/config.json",  "0_BERT/model.safetensors",  "0_BERT/sentence_xlnet_config.json",
      "0_BERT/vocab.txt",    "1_Pooling/config.json",     "2_Dropout/config.json",
      "3_Dense/config.json", "3_Dense/model.safetensors", "config_sentence_transformers.json",
      "modules.json"};
  put("3_Dense/config.json", R"({"in_features": 20, "out_features": 7, "bias": false})");
  TensorMap weights;
  weights["linear.weight"] = Tensor(DataType::kF32, {7, kHidden});
  write_tensors("3_Dense/model.safetensors", weights);
  EXPECT_EQ(files_made(), expected);
  const std::string first = bytes_of(converted());
  std::filesystem::remove(destination());
  const Status again = convert_path(made());
  EXPECT_TRUE(again.ok()) << again.message();
}

TEST_F(FolderFilesTest, OfAModelFileAreWrittenWhereTheyWere) {
  write_config();
  write_tensors("0_BERT/model.safetensors", tensors_);
  std::filesystem::rename(path("config.json"), path("0_BERT/config.json"));
  put("0_BERT/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
  const std::string type = R"({"type": "sentence_transformers.models.)";
  put("modules.json", "[" + type + R"(Transformer", "path": "0_BERT"}, )" + type +
                          R"(Pooling", "path": "1_Pooling"}])");
  put("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  ASSERT_TRUE(convert_folder().ok());
  ASSERT_TRUE(export_checkpoint(destination(), made(), options_).ok());
  for (const char* name : {"0_BERT/config.json", "0_BERT/model.safetensors",
                           "0_BERT/tokenizer.json", "1_Pooling/config.json", "modules.json"}) {
    EXPECT_TRUE(std::filesystem::exists(made() + "/" + name)) << name;
  }
  const Status again = convert_path(made());
  EXPECT_TRUE(again.ok()) << again.message();
}

TEST_F(FolderFilesTest, EmptyConfigsOfTextsArePassedOver) {
  write_all();
  put("sentence_bert_config.json", "{}");
  put("sentence_camembert_config.json", R"({"max_seq_length": 7})");
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->info().max_text_tokens, 7);
}

}  // namespace
}  // namespace lanewise::converters
