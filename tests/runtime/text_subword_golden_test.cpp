#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

/// The tokenizer.json of the script's tokenizer `name`.
std::string tokenizer_json(const std::string& name) {
  const Json& entry = subword_golden()["tokenizers"][name];
  Json file = entry["parts"];
  file["model"] = Json::parse(read_subword_data(entry["model"].get<std::string>() + ".model.json"));
  return file.dump();
}

class TextSubwordGoldenTest : public testing::TestWithParam<const char*> {};

TEST_P(TextSubwordGoldenTest, EqualsHuggingFace) {
  const auto tokenizer = parse_tokenizer(tokenizer_json(GetParam()));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  expect_golden(**tokenizer, GetParam(), true);
}

TEST_P(TextSubwordGoldenTest, ItsJsonIsAnEqualTokenizer) {
  const auto original = parse_tokenizer(tokenizer_json(GetParam()));
  ASSERT_TRUE(original.ok()) << original.status().message();
  const std::string json = (*original)->to_json();
  const auto copy = parse_tokenizer(json);
  ASSERT_TRUE(copy.ok()) << copy.status().message();
  EXPECT_EQ((*copy)->to_json(), json);
  const std::string text = "The old clock  läuft 한국어 👍🏽 <mask></s>\n";
  EXPECT_EQ(result_of(**copy, text, true).ids, result_of(**original, text, true).ids);
}

INSTANTIATE_TEST_SUITE_P(All, TextSubwordGoldenTest,
                         testing::Values("roberta", "prefix_space", "no_trim", "llama3", "gpt4o",
                                         "digits", "whitespace", "inverted", "nfc", "nfd_lower",
                                         "bert_normalizer", "unigram", "nmt_nfkc", "nfkd", "llama",
                                         "metaspace_never", "wordpiece", "wordpiece_bert",
                                         "wordpiece_bert_in_parts", "wordpiece_metaspace",
                                         "wordpiece_whole", "wordpiece_scripts", "wordpiece_fixed",
                                         "wordlevel", "wordlevel_scripts", "wordlevel_bytes"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace lanewise::text
