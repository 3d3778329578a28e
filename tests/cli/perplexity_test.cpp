#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/program.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::cli {
namespace {

using Json = nlohmann::json;

/// A small LLaMA whose context is 64 tokens, with a word for each token.
class PerplexityCommandTest : public converters::CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    converters::HfCheckpoint checkpoint =
        converters::hf_checkpoint("llama", converters::kHfDecoders);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    Json words = Json::object();
    for (int i = 0; i < 61; ++i) words["w" + std::to_string(i)] = i;
    const Json tokenizer = {
        {"model", {{"type", "WordLevel"}, {"unk_token", "w0"}, {"vocab", words}}},
        {"pre_tokenizer", {{"type", "Whitespace"}}}};
    put("tokenizer.json", tokenizer.dump());
    write();
  }

  static std::string text(int words) {
    std::string text;
    for (int i = 0; i < words; ++i) text += "w" + std::to_string(3 + i * i % 57) + "\n";
    return text;
  }

  Outcome perplexity(std::vector<std::string> arguments, std::string input = {}) {
    arguments.insert(arguments.begin(), {"perplexity", source_.string(), "--quiet"});
    return run(std::move(arguments), std::move(input));
  }
};

TEST_F(PerplexityCommandTest, MeasuresAFileAndStdin) {
  put("text.txt", text(200));
  const Outcome outcome = perplexity({"--input", path("text.txt"), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json result = Json::parse(outcome.out);
  EXPECT_EQ(result.at("tokens"), 200);
  const double perplexity_found = result.at("perplexity");
  EXPECT_GT(perplexity_found, 1);
  const auto bytes = static_cast<double>(text(200).size());
  EXPECT_NEAR(result.at("bits_per_byte").get<double>(), 199 * std::log2(perplexity_found) / bytes,
              1e-9);
  EXPECT_EQ(perplexity({"--input", "-", "--json"}, text(200)).out, outcome.out);
  EXPECT_TRUE(
      converters::has(perplexity({"--input", path("text.txt")}).out, "perplexity ", "200 tokens"));
}

TEST_F(PerplexityCommandTest, ARoundedCacheChangesLittle) {
  const auto of_type = [&](const char* type) {
    const Outcome outcome = perplexity({"--input", "-", "--json", "--cache-type", type}, text(200));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return Json::parse(outcome.out).at("perplexity").get<double>();
  };
  const double f32 = of_type("f32");
  for (const char* type : {"bf16", "int8"}) {
    EXPECT_NE(of_type(type), f32) << type;
    EXPECT_NEAR(of_type(type), f32, 0.01 * f32) << type;
  }
}

TEST_F(PerplexityCommandTest, NamesWhatIsWrong) {
  put("one.txt", "w7");
  const auto expect = [&](const std::string& file, const char* message) {
    const Outcome outcome = perplexity({"--input", path(file)});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(converters::has(outcome.err, "lanewise: error: ", file, message));
  };
  expect("one.txt", "expected at least 2 tokens, found 1");
  expect("none.txt", "No such file");
  put("bytes.txt", "w7 \xff");
  expect("bytes.txt", "UTF-8");
  EXPECT_EQ(perplexity({}).exit_code, 2);
}

}  // namespace
}  // namespace lanewise::cli
