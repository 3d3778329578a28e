#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/read_file.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"
#include "tests/test_data.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// 500 texts with the results of Hugging Face's tokenizers.
std::vector<Json> golden_lines() {
  std::ifstream in(test_data_folder() + "/tokenizer/minilm_lines.jsonl");
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

class ModelTextGoldenTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = from_environment("LANEWISE_MINILM_DIR");
    ASSERT_TRUE(std::filesystem::exists(folder_ + "/tokenizer.json"))
        << "no tokenizer.json in '" << folder_
        << "' (LANEWISE_MINILM_DIR): run tools/get-model minilm";
    json_ = test::read_file(folder_ + "/tokenizer.json");
    ASSERT_EQ(lines_.size(), 500u);
  }

  std::string folder_;
  std::string json_;  // tokenizer.json
  std::vector<Json> lines_ = golden_lines();
};

/// Fails if the ids or offsets of a text differ from the golden line.
void expect_text_golden_equal(const Tokenizer& tokenizer, const Json& line) {
  const auto text = line["text"].get<std::string>();
  const auto encoding = tokenizer.encode(text, {});
  ASSERT_TRUE(encoding.ok()) << encoding.status().message();
  EXPECT_EQ(ids_of(*encoding), line["ids"].get<std::vector<int32_t>>()) << line["text"];
  std::vector<std::vector<int32_t>> offsets;
  for (const Token& token : encoding->tokens) offsets.push_back({token.begin, token.end});
  EXPECT_EQ(offsets, line["offsets"].get<std::vector<std::vector<int32_t>>>()) << line["text"];
}

TEST_F(ModelTextGoldenTest, TokenizerJsonEqualsHuggingFace) {
  const auto tokenizer = parse_tokenizer(json_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 30522);
  for (const Json& line : lines_) expect_text_golden_equal(**tokenizer, line);
}

TEST_F(ModelTextGoldenTest, ItsJsonEqualsHuggingFace) {
  const auto original = parse_tokenizer(json_);
  ASSERT_TRUE(original.ok()) << original.status().message();
  const auto tokenizer = parse_tokenizer((*original)->to_json());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  for (const Json& line : lines_) expect_text_golden_equal(**tokenizer, line);
}

}  // namespace
}  // namespace lanewise::text
