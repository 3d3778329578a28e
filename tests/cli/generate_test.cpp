#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "runtime/file/atomic_file.hpp"
#include "runtime/file/safetensors.hpp"
#include "tests/cli/program.hpp"
#include "tests/test_data.hpp"

namespace lanewise::cli {
namespace {

/// The bundled model: letters to phonemes.
class GenerateCommandTest : public ProgramTest {
 protected:
  Outcome generate(std::vector<std::string> arguments, std::string input = {}) {
    arguments.insert(arguments.begin(), {"generate", bundled_model_folder()});
    return run(std::move(arguments), std::move(input));
  }

  /// A file with `ids` as input_ids, [rows, columns] row by row.
  std::string ids_file(const std::string& name, int64_t rows, const std::vector<int64_t>& ids,
                       const std::vector<int64_t>& mask = {}) {
    const auto columns = static_cast<int64_t>(ids.size()) / rows;
    const auto tensor = [&](const std::vector<int64_t>& values) {
      Tensor result(DataType::kI64, {rows, columns});
      std::copy(values.begin(), values.end(), result.as<int64_t>());
      return result;
    };
    const Tensor id_tensor = tensor(ids);
    std::vector<file::SafetensorsInput> inputs = {{"input_ids", id_tensor.view()}};
    Tensor mask_tensor;
    if (!mask.empty()) {
      mask_tensor = tensor(mask);
      inputs.insert(inputs.begin(), {"attention_mask", mask_tensor.view()});
    }
    const std::string path = out_path(name);
    auto file = file::AtomicFile::create(path);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE(file::write_safetensors(*file, {}, inputs, 1).ok());
    EXPECT_TRUE(file->commit().ok());
    return path;
  }
};

using Ids = std::vector<int>;

TEST_F(GenerateCommandTest, WritesWhatAGrammarAllows) {
  EXPECT_EQ(generate({"cat", "--regex", "T( (AE1|K)){2}"}).out, "T K AE1\n");
  EXPECT_EQ(generate({"cat", "--regex", "[K]( [A-Z]+1?){2}", "--beams", "3"}).out, "K AE1 T\n");
  EXPECT_EQ(generate({"cat", "--regex", "AH0", "--stream"}).out, "AH0\n");
  const std::string grammar = out_path("phonemes.gbnf");
  std::ofstream(grammar) << "root ::= p (\" \" p){3}\np ::= \"S\" | \"IY1\"\n";
  const Outcome four = generate({"cat", "--grammar", grammar, "--json"});
  ASSERT_EQ(four.exit_code, 0) << four.err;
  EXPECT_NE(four.out.find(R"("finish_reason": "eos")"), std::string::npos) << four.out;
  EXPECT_EQ(generate({"cat", "--grammar", "-"}, "root ::= \"S\"").out, "S\n");
}

TEST_F(GenerateCommandTest, RefusesGrammars) {
  const Outcome regex = generate({"cat", "--regex", "(?=a)"});
  EXPECT_EQ(regex.exit_code, 1);
  EXPECT_NE(regex.err.find("error: regular expression: '(?=' (look-around) is not supported"),
            std::string::npos)
      << regex.err;
  const std::string schema = out_path("schema.json");
  std::ofstream(schema) << R"({"properties": {"a": {"not": {}}}})";
  const Outcome refused = generate({"cat", "--json-schema", schema});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("'" + schema + "': schema: '#/properties/a': keyword 'not'"),
            std::string::npos)
      << refused.err;
  EXPECT_EQ(generate({"cat", "--json-schema", schema, "--regex", "a"}).exit_code, 2);
  EXPECT_EQ(generate({"cat", "--grammar", out_path("missing")}).exit_code, 1);
}

TEST_F(GenerateCommandTest, PrintsALineForEachText) {
  const Outcome outcome = generate({"transformer", "cat", "Transformer"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_EQ(outcome.lines().size(), 3u);
  EXPECT_EQ(outcome.lines()[0], "T R AE0 N S F AO1 R M ER0");
  EXPECT_EQ(outcome.lines()[1], "K AE1 T");
  EXPECT_EQ(outcome.lines()[2], outcome.lines()[0]);
  EXPECT_EQ(generate({}, "transformer\ncat\r\nTransformer").out, outcome.out);
}

TEST_F(GenerateCommandTest, JsonHasTheTokensAloneAndWhyTheyEnd) {
  const Outcome outcome = generate({"--json", "cat"});
  ASSERT_EQ(outcome.objects().size(), 1u) << outcome.err;
  const nlohmann::json json = outcome.objects()[0];
  EXPECT_EQ(json["text"], "K AE1 T");
  EXPECT_EQ(json["ids"].size(), 3u);
  EXPECT_EQ(json["finish_reason"], "eos");
  EXPECT_LT(json["score"], 0.0);
  EXPECT_FALSE(json.contains("alternatives"));
  const nlohmann::json cut = generate({"--json", "--max-new-tokens", "2", "cat"}).objects().at(0);
  EXPECT_EQ(cut["finish_reason"], "length");
  EXPECT_EQ(cut["ids"], Ids(json["ids"].begin(), json["ids"].begin() + 2));
}

TEST_F(GenerateCommandTest, BeamsGiveAlternativesInOrder) {
  const Outcome outcome =
      generate({"--json", "--beams", "4", "--num-return-sequences", "3", "record"});
  ASSERT_EQ(outcome.objects().size(), 1u) << outcome.err;
  const nlohmann::json json = outcome.objects()[0];
  ASSERT_EQ(json["alternatives"].size(), 2u);
  EXPECT_GE(json["score"], json["alternatives"][0]["score"]);
  EXPECT_GE(json["alternatives"][0]["score"], json["alternatives"][1]["score"]);
  EXPECT_NE(json["text"], json["alternatives"][0]["text"]);
}

TEST_F(GenerateCommandTest, ATextsResultDoesNotDependOnTheOthers) {
  const std::vector<std::string> words = {"a", "antidisestablishmentarianism", "rhythm", "o'clock"};
  std::vector<std::string> all = {"--json", "--threads", "2"};
  all.insert(all.end(), words.begin(), words.end());
  const std::vector<std::string> together = generate(all).lines();
  ASSERT_EQ(together.size(), words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    EXPECT_EQ(generate({"--json", "--threads", "1", words[i]}).lines().at(0), together[i]);
  }
}

TEST_F(GenerateCommandTest, ReadsIdsWithPaddingAtEitherEnd) {
  const nlohmann::json cat = generate({"--json", "cat"}).objects().at(0);
  const Outcome tokens = run({"tokenize", bundled_model_folder(), "--json", "cat"});
  const std::vector<int64_t> ids = tokens.objects().at(0)["ids"];
  ASSERT_EQ(ids.size(), 3u);
  const std::string path = ids_file("ids.safetensors", 2,
                                    {ids[0], ids[1], ids[2], 0,  //
                                     0, ids[0], ids[1], ids[2]},
                                    {1, 1, 1, 0, 0, 1, 1, 1});
  const Outcome outcome = generate({"--json", "--input-ids", path});
  ASSERT_EQ(outcome.objects().size(), 2u) << outcome.err;
  EXPECT_EQ(outcome.objects()[0], cat);
  EXPECT_EQ(outcome.objects()[1], cat);
}

TEST_F(GenerateCommandTest, StreamsTheSameText) {
  const Outcome outcome = generate({"--stream", "transformer", "cat"});
  EXPECT_EQ(outcome.out, "T R AE0 N S F AO1 R M ER0\nK AE1 T\n") << outcome.err;
}

TEST_F(GenerateCommandTest, SamplesAreThoseOfTheSeed) {
  const auto sample = [&](const std::string& seed) {
    return generate({"--temperature", "2.5", "--seed", seed, "pneumonoultramicroscopic"}).out;
  };
  EXPECT_EQ(sample("1"), sample("1"));
  EXPECT_NE(sample("1"), sample("2"));
  // So cold that only the most likely token remains.
  EXPECT_EQ(generate({"--temperature", "0.001", "cat"}).out, "K AE1 T\n");
}

TEST_F(GenerateCommandTest, BadInput) {
  EXPECT_TRUE(is_error(generate({"", "cat"}), "text 1", "empty"));
  EXPECT_TRUE(is_error(generate({}, "\ncat\ndog\n"), "line 1", "empty"));
  EXPECT_TRUE(is_error(generate({std::string(65, 'a')}), "text 1", "65 tokens", "64"));
  EXPECT_TRUE(is_error(generate({"na\xc3\xafve"}), "text 1", "\xc3\xaf"));
  EXPECT_TRUE(is_error(generate({}, "\xff\n"), "line 1", "UTF-8"));
  EXPECT_TRUE(is_error(run({"generate", model(), "a"}), "cannot generate"));
  EXPECT_TRUE(
      is_error(generate({"--input-ids", ids_file("wide.safetensors", 1, {5, 4000})}), "4000"));
  EXPECT_TRUE(is_error(generate({"--input-ids", "/nonexistent"}), "/nonexistent"));
  EXPECT_TRUE(is_error(generate({"--num-return-sequences", "3", "cat"}), "num_return_sequences"));
  EXPECT_TRUE(is_error(generate({"--temperature", "-1", "cat"}), "temperature"));
  EXPECT_TRUE(is_error(generate({"--source-language", "fr", "cat"}), "no tokens for languages"));
  EXPECT_TRUE(is_error(generate({"--temperature", "1", "--top-p", "1.5", "cat"}), "top_p"));
}

TEST_F(GenerateCommandTest, WrongUsage) {
  EXPECT_TRUE(is_wrong_usage(generate({"--beams", "0", "cat"}), "--beams"));
  EXPECT_TRUE(is_wrong_usage(generate({"--source-language", "fr", "--input-ids", "x"}),
                             "--source-language"));
  EXPECT_TRUE(is_wrong_usage(generate({"--beams", "65", "cat"}), "--beams"));
  EXPECT_TRUE(is_wrong_usage(generate({"--max-new-tokens", "0", "cat"}), "--max-new-tokens"));
  EXPECT_TRUE(is_wrong_usage(generate({"--top-k", "3", "cat"}), "--temperature"));
  EXPECT_TRUE(is_wrong_usage(generate({"--beams", "2", "--temperature", "1", "cat"}), "exclude"));
  EXPECT_TRUE(is_wrong_usage(generate({"--stream", "--json", "cat"}), "--stream"));
  EXPECT_TRUE(is_wrong_usage(generate({"--stream", "--beams", "2", "cat"}), "--beams 1"));
  EXPECT_TRUE(is_wrong_usage(generate({"--input-ids", "x", "cat"}), "--input-ids"));
  EXPECT_TRUE(is_wrong_usage(generate({"--colour", "cat"}), "--colour"));
}

}  // namespace
}  // namespace lanewise::cli
