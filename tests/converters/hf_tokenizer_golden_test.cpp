// The tokenizers of Pegasus and ByT5 against Transformers'
// (tests/reference/make_hf_tokenizer_golden.py).

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "converters/tokenizers/families.hpp"
#include "tests/read_file.hpp"
#include "tests/runtime/text_subword_golden.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;
using HfTokenizerGoldenTokenizerPtr = std::shared_ptr<const text::Tokenizer>;

std::string data(const std::string& name) {
  return test::read_file(test_data_folder() + "/hf_tokenizers/" + name);
}

HfTokenizerGoldenTokenizerPtr parsed(const Result<std::string>& json) {
  EXPECT_TRUE(json.ok()) << json.status().message();
  if (!json.ok()) return nullptr;
  const auto tokenizer = text::parse_tokenizer(*json);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  if (!tokenizer.ok()) return nullptr;
  // A model file contains the tokenizer's own JSON.
  const auto copy = text::parse_tokenizer((*tokenizer)->to_json());
  EXPECT_TRUE(copy.ok()) << copy.status().message();
  return copy.ok() ? *copy : nullptr;
}

const Json& hf_tokenizer_golden_golden() {
  static const Json json = Json::parse(data("golden.json"), nullptr, false);
  return json;
}

/// Rows of [text, ids, decoded].
void expect_rows(const HfTokenizerGoldenTokenizerPtr& tokenizer, const std::string& name) {
  ASSERT_TRUE(tokenizer);
  ASSERT_GT(hf_tokenizer_golden_golden()[name].size(), 100u);
  for (const Json& row : hf_tokenizer_golden_golden()[name]) {
    const auto encoding = tokenizer->encode(row[0].get<std::string>(), {});
    ASSERT_TRUE(encoding.ok()) << encoding.status().message();
    std::vector<int32_t> ids;
    for (const text::Token& token : encoding->tokens) ids.push_back(token.id);
    EXPECT_EQ(Json(ids), row[1]) << name << ": " << row[0];
    const auto decoded = tokenizer->decode(ids, true);
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(*decoded, row[2].get<std::string>()) << name << ": " << row[0];
  }
}

TEST(HfTokenizerGoldenTest, Pegasus) {
  expect_rows(parsed(pegasus_tokenizer(data("pegasus.model"), {})), "pegasus");
}

TEST(HfTokenizerGoldenTest, PegasusAsItsSettingsSay) {
  Companions companions;
  companions.offset = 7;
  companions.mask_token_sent = "";
  const HfTokenizerGoldenTokenizerPtr tokenizer =
      parsed(pegasus_tokenizer(data("pegasus.model"), companions));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->id("<unk_2>"), 2);
  EXPECT_EQ(tokenizer->id("<unk_6>"), 6);
  EXPECT_FALSE(tokenizer->id("<mask_1>").has_value());
  EXPECT_EQ(tokenizer->id("<unk>"), 9);
  EXPECT_EQ(tokenizer->vocabulary_size(), 607);
}

TEST(HfTokenizerGoldenTest, ByT5) {
  expect_rows(parsed(byt5_tokenizer({})), "byt5");
  Companions companions;
  companions.extra_ids = 3;
  expect_rows(parsed(byt5_tokenizer(companions)), "byt5_more");
}

TEST(HfTokenizerGoldenTest, ByT5LeavesOutWhatIsNoUtf8) {
  const HfTokenizerGoldenTokenizerPtr tokenizer = parsed(byt5_tokenizer({}));
  ASSERT_TRUE(tokenizer);
  for (const Json& row : hf_tokenizer_golden_golden()["byt5_malformed"]) {
    const auto decoded = tokenizer->decode(row[0].get<std::vector<int32_t>>(), true);
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(*decoded, row[1].get<std::string>());
  }
}

TEST(HfTokenizerGoldenTest, ByT5CleansUpWhereItsSettingsSaySo) {
  Companions companions;
  companions.clean_up_tokenization_spaces = true;
  const HfTokenizerGoldenTokenizerPtr tokenizer = parsed(byt5_tokenizer(companions));
  ASSERT_TRUE(tokenizer);
  const auto encoding = tokenizer->encode("a . b", {.add_special_tokens = false});
  ASSERT_TRUE(encoding.ok());
  std::vector<int32_t> ids;
  for (const text::Token& token : encoding->tokens) ids.push_back(token.id);
  EXPECT_EQ(*tokenizer->decode(ids, true), "a. b");
}

TEST(HfTokenizerGoldenTest, ByT5TakesTheTokensThatWereSaved) {
  Companions companions;
  companions.extra_ids = 0;
  for (const char* name : {"<x>", "<y>"}) {
    NamedToken named{"extra_special_tokens", {}};
    named.token.content = name;
    companions.named_tokens.push_back(named);
  }
  const HfTokenizerGoldenTokenizerPtr tokenizer = parsed(byt5_tokenizer(companions));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->id("<x>"), 259);
  EXPECT_EQ(tokenizer->id("<y>"), 260);
  EXPECT_EQ(tokenizer->vocabulary_size(), 261);
}

}  // namespace
}  // namespace lanewise::converters
