#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/files.hpp"
#include "lanewise/tensor.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

class EmbedCommandTest : public ProgramTest {
 protected:
  /// The library's result.
  std::vector<float> expected(const std::string& text) {
    Result<Model> loaded = load(model());
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    Result<Embedder> embedder = Embedder::create(*loaded);
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    const std::string_view view = text;
    Result<Embeddings> embeddings = embedder->embed({&view, 1});
    EXPECT_TRUE(embeddings.ok()) << embeddings.status().message();
    return embeddings->values;
  }

  static std::vector<std::string> texts_of(const Outcome& outcome) {
    std::vector<std::string> texts;
    for (const auto& object : outcome.objects()) texts.push_back(object["text"]);
    return texts;
  }
};

using Texts = std::vector<std::string>;

TEST_F(EmbedCommandTest, PrintsExactlyTheVectors) {
  const Outcome outcome = run({"embed", model(), "--json", "a b", "c"});
  ASSERT_EQ(outcome.objects().size(), 2u) << outcome.err;
  const nlohmann::json first = outcome.objects()[0];
  EXPECT_EQ(first["text"], "a b");
  EXPECT_EQ(first["tokens"], 4);
  EXPECT_EQ(first["truncated"], false);
  EXPECT_EQ(first["embedding"].get<std::vector<float>>(), expected("a b"));
  EXPECT_EQ(outcome.objects()[1]["embedding"].get<std::vector<float>>(), expected("c"));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(EmbedCommandTest, ALineOfHundredsOfMegabytesIsRefused) {
  const std::string path = out_path("zeros");
  std::ofstream(path).close();
  std::filesystem::resize_file(path, 258 << 20);  // a hole, which takes no disk space
  EXPECT_TRUE(is_error(run({"embed", model(), "--input", path}), path,
                       "a line or text of more than 256 MiB"));
}

TEST_F(EmbedCommandTest, PlainLines) {
  const Outcome outcome = run({"embed", model(), "a b"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  EXPECT_EQ(outcome.lines()[0].rfind("a b\t", 0), 0u);
  std::istringstream numbers(outcome.lines()[0].substr(4));
  std::vector<float> values;
  for (float value; numbers >> value;) values.push_back(value);
  EXPECT_EQ(values, expected("a b"));
}

TEST_F(EmbedCommandTest, LinesFromStdin) {
  const Texts expected_texts = {"a", "b", "", "c\rd", " e "};
  for (const Texts& arguments :
       {Texts{"embed", model(), "--json"}, Texts{"embed", model(), "--json", "-"},
        Texts{"embed", model(), "--json", "--input", "-"}}) {
    EXPECT_EQ(texts_of(run(arguments, "a\nb\r\n\nc\rd\n e ")), expected_texts);
    EXPECT_EQ(texts_of(run(arguments, "a\nb\r\n\nc\rd\n e \n")), expected_texts);
    EXPECT_EQ(texts_of(run(arguments, "a\nb")), (Texts{"a", "b"}));
    EXPECT_EQ(texts_of(run(arguments, "")), Texts());
    EXPECT_EQ(texts_of(run(arguments, "\n\r\n")), (Texts{"", ""}));
  }
}

TEST_F(EmbedCommandTest, TextsAreTakenWordForWord) {
  const Texts texts = {"[MASK] or [SEP]", "[a,b]", "{}", "", "bench", "%%", "a,b", "--json"};
  Texts arguments = {"embed", model(), "--json", "--"};
  arguments.insert(arguments.end(), texts.begin(), texts.end());
  EXPECT_EQ(texts_of(run(arguments)), texts);
  // A command's name among the texts, without `--` before it.
  EXPECT_EQ(texts_of(run({"embed", model(), "a", "bench", "", "--json"})),
            (Texts{"a", "bench", ""}));
}

TEST_F(EmbedCommandTest, ManyLinesKeepTheirOrder) {
  std::string input;
  Texts texts;
  const char* words[] = {"a", "b c", "d e a", "cab", "e e e e"};
  for (size_t i = 0; i < 5000; ++i) {
    texts.emplace_back(words[(i * i) % 5]);
    input += texts.back() + "\n";
  }
  const Outcome outcome = run({"embed", model(), "--json"}, input);
  EXPECT_EQ(texts_of(outcome), texts);
  std::map<std::string, nlohmann::json> first;
  for (const auto& object : outcome.objects()) {
    const auto [found, added] = first.emplace(object["text"], object["embedding"]);
    ASSERT_EQ(found->second, object["embedding"]);
  }
}

TEST_F(EmbedCommandTest, SaysOnceWhatWasCut) {
  const std::string longest = "a b c d e a";  // 8 with its two special tokens
  EXPECT_EQ(run({"embed", model(), "--json", longest}).err, "");
  const Outcome outcome = run({"embed", model(), "--json"}, longest + " b\na\n" + longest + " c\n");
  EXPECT_EQ(outcome.err, "2 texts were longer than 8 tokens and were truncated\n");
  EXPECT_EQ(outcome.objects()[0]["truncated"], true);
  EXPECT_EQ(outcome.objects()[0]["tokens"], 8);
  EXPECT_EQ(outcome.objects()[1]["truncated"], false);
  EXPECT_EQ(run({"embed", model(), "--json", "--quiet", longest + " b"}).err, "");
}

TEST_F(EmbedCommandTest, WritesFiles) {
  const std::string npy = out_path("v.npy"), jsonl = out_path("v.jsonl");
  Outcome outcome = run({"embed", model(), "--output", npy}, "a\nb c\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const std::string bytes = contents(npy);
  ASSERT_GT(bytes.size(), 2 * 20 * sizeof(float));
  EXPECT_EQ(bytes.substr(1, 5), "NUMPY");
  EXPECT_TRUE(converters::has(bytes, "(2, 20)", "<f4"));
  std::vector<float> values(2 * 20);
  std::memcpy(values.data(), bytes.data() + bytes.size() - values.size() * sizeof(float),
              values.size() * sizeof(float));
  std::vector<float> wanted = expected("a");
  for (const float value : expected("b c")) wanted.push_back(value);
  EXPECT_EQ(values, wanted);

  const std::string printed = run({"embed", model(), "--json"}, "a\nb c\n").out;
  outcome = run({"embed", model(), "--output", jsonl, "--json"}, "a\nb c\n");
  EXPECT_EQ(outcome.out, printed);
  EXPECT_EQ(contents(jsonl), printed);
  EXPECT_EQ(files_out(), 2);
}

/// The model of these tests has 20 dimensions, the first 8 of which are whole bytes.
TEST_F(EmbedCommandTest, WritesBytesForBinaryAndInt8) {
  const std::vector<std::string> binary = {"embed",       model(),  "--dimensions", "8",
                                           "--precision", "binary", "a b",          "c"};
  std::vector<std::string> as_json = binary;
  as_json.emplace_back("--json");
  const Outcome outcome = run(as_json);
  ASSERT_EQ(outcome.objects().size(), 2u) << outcome.err;
  int bits = 0;
  const std::vector<float> vector = expected("a b");
  for (size_t i = 0; i < 8; ++i) bits = 2 * bits + (vector[i] > 0 ? 1 : 0);
  EXPECT_EQ(outcome.objects()[0]["embedding"], nlohmann::json::array({bits - 128}));
  std::vector<std::string> to_file = binary;
  to_file.insert(to_file.end(), {"--output", out_path("v.npy")});
  ASSERT_EQ(run(to_file).exit_code, 0);
  const std::string npy = contents(out_path("v.npy"));
  EXPECT_EQ(npy.size(), 130u);
  EXPECT_NE(npy.find("'|i1'"), std::string::npos);
  EXPECT_EQ(static_cast<int8_t>(npy[128]), bits - 128);

  std::vector<float> ranges(40, -2.0F);
  std::fill(ranges.begin() + 20, ranges.end(), 2.0F);
  TensorMap tensors;
  tensors["ranges"] = Tensor(DataType::kF32, {2, 20});
  std::copy(ranges.begin(), ranges.end(), tensors["ranges"].as<float>());
  Result<AtomicFile> file = AtomicFile::create(out_path("ranges.safetensors"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(write_safetensors(*file, tensors).ok());
  ASSERT_TRUE(file->commit().ok());
  const Outcome bytes = run({"embed", model(), "--json", "--precision", "int8", "--ranges",
                             out_path("ranges.safetensors"), "a b"});
  ASSERT_EQ(bytes.objects().size(), 1u) << bytes.err;
  const std::vector<int> numbers = bytes.objects()[0]["embedding"];
  ASSERT_EQ(numbers.size(), vector.size());
  for (size_t i = 0; i < vector.size(); ++i) {
    EXPECT_EQ(numbers[i], static_cast<int>((vector[i] + 2.0F) / (4.0F / 255.0F)) - 128);
  }
}

TEST_F(EmbedCommandTest, RefusesPrecisionsThatDoNotFit) {
  EXPECT_TRUE(is_error(run({"embed", model(), "--precision", "binary", "a"}), "--precision binary",
                       "a multiple of 8 dimensions, found 20"));
  EXPECT_EQ(run({"embed", model(), "--precision", "int8", "a"}).exit_code, 2);
  EXPECT_EQ(run({"embed", model(), "--precision", "uint8", "a"}).exit_code, 2);
  EXPECT_EQ(run({"embed", model(), "--sparse", "--precision", "binary", "a"}).exit_code, 2);
}

TEST_F(EmbedCommandTest, BadInputLeavesNothing) {
  const std::string npy = out_path("v.npy");
  EXPECT_TRUE(is_error(run({"embed", model(), "--output", npy}, "a\nb\xff\n"), "line 2", "UTF-8"));
  EXPECT_TRUE(is_error(run({"embed", model(), "--output", npy, "a", "\xc3"}), "text 2", "UTF-8"));
  EXPECT_TRUE(
      is_error(run({"embed", model(), "--output", out_path("v.txt"), "a"}), ".npy", ".jsonl"));
  EXPECT_TRUE(is_error(run({"embed", model(), "--output", out_path("none/v.npy"), "a"}), "none"));
  EXPECT_TRUE(is_error(run({"embed", model(), "--input", out_path("absent")}), "absent"));
  EXPECT_TRUE(is_error(run({"embed", model(), "--input", out_path("")}), "directory"));
  EXPECT_TRUE(is_error(run({"embed", out_path("absent.lw"), "--output", npy, "a"}), "absent.lw"));
  EXPECT_TRUE(is_error(run({"embed", model(), "--isa", "mmx", "--output", npy, "a"}), "mmx"));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(EmbedCommandTest, ALineOfALongInputIsCountedFromItsStart) {
  std::string input;
  for (int i = 0; i < 5000; ++i) input += "a\n";
  EXPECT_TRUE(is_error(run({"embed", model(), "--output", out_path("v.npy")}, input + "\xff\n"),
                       "line 5001"));
}

TEST_F(EmbedCommandTest, StdoutThatCannotBeWritten) {
  Invocation invocation;
  invocation.arguments = {"embed", model(), "--json"};
  for (int i = 0; i < 3000; ++i) invocation.input += "a b c\n";
  invocation.out = "/dev/full";
  EXPECT_TRUE(is_error(run(invocation), "standard output"));

  invocation.out.reset();
  invocation.closed_pipe = true;
  const Outcome outcome = run(invocation);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(EmbedCommandTest, TheSameBitsFromACheckpointAndWithOtherThreads) {
  const std::string out = run({"embed", model(), "--json", "a b", "c"}).out;
  EXPECT_EQ(run({"embed", checkpoint(), "--json", "a b", "c"}).out, out);
  for (const char* threads : {"1", "2", "3"}) {
    EXPECT_EQ(run({"embed", model(), "--json", "a b", "c", "--threads", threads}).out, out);
  }
}

TEST_F(EmbedCommandTest, VerboseSaysWhyOnStderr) {
  Invocation invocation;
  invocation.arguments = {"embed", model(), "--json", "a"};
  invocation.environment = {"LANEWISE_VERBOSE=1"};
  const Outcome outcome = run(invocation);
  EXPECT_EQ(outcome.out, run({"embed", model(), "--json", "a"}).out);
  EXPECT_TRUE(converters::has(outcome.err, "lanewise"));
}

TEST_F(EmbedCommandTest, AModelWithoutTokenizer) {
  std::filesystem::remove(path("vocab.txt"));
  EXPECT_TRUE(is_error(run({"embed", checkpoint(), "--quiet", "a"}), "tokenizer"));
  EXPECT_TRUE(is_error(run({"tokenize", checkpoint(), "--quiet", "a"}), "tokenizer"));
}

using TokenizeCommandTest = ProgramTest;

TEST_F(TokenizeCommandTest, JsonAndPlain) {
  const Outcome outcome = run({"tokenize", model(), "--json", "ab [MASK]", "z"});
  ASSERT_EQ(outcome.objects().size(), 2u) << outcome.err;
  EXPECT_EQ(outcome.objects()[0],
            nlohmann::json::parse(R"({"text": "ab [MASK]", "ids": [2, 5, 11, 4, 3],
              "tokens": ["[CLS]", "a", "##b", "[MASK]", "[SEP]"],
              "offsets": [[0, 0], [0, 1], [1, 2], [3, 9], [0, 0]]})"));
  EXPECT_EQ(run({"tokenize", model()}, "ab\n\nz\n").out,
            "[CLS]:2 a:5 ##b:11 [SEP]:3\n[CLS]:2 [SEP]:3\n[CLS]:2 [UNK]:1 [SEP]:3\n");
}

TEST_F(TokenizeCommandTest, IsNotCut) {
  std::string text = "a";
  for (int i = 0; i < 99; ++i) text += " a";
  EXPECT_EQ(run({"tokenize", model(), "--json", text}).objects().at(0)["ids"].size(), 102u);
}

TEST_F(TokenizeCommandTest, SourceLanguageIsTheOneAsked) {
  put("tokenizer.json", R"({
    "added_tokens": [{"id": 0, "content": "en_XX", "special": true, "normalized": false},
                     {"id": 1, "content": "fr_XX", "special": true, "normalized": false}],
    "post_processor": {"type": "BertProcessing", "cls": ["en_XX", 0], "sep": ["</s>", 2]},
    "model": {"type": "WordLevel", "vocab": {"en_XX": 0, "fr_XX": 1, "</s>": 2, "a": 3},
              "unk_token": "</s>"}})");
  const auto tokenize = [&](std::vector<std::string> flags) {
    std::vector<std::string> arguments = {"tokenize", checkpoint(), "--quiet", "a"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return run(arguments);
  };
  EXPECT_EQ(tokenize({}).out, "en_XX:0 a:3 </s>:2\n");
  EXPECT_EQ(tokenize({"--source-language", "fr"}).out, "fr_XX:1 a:3 </s>:2\n");
  EXPECT_TRUE(is_error(tokenize({"--source-language", "de"}), "'de'", "en_XX, fr_XX"));
}

TEST_F(TokenizeCommandTest, BadInput) {
  EXPECT_TRUE(is_error(run({"tokenize", model(), "\xff"}), "text 1", "UTF-8"));
  EXPECT_TRUE(is_error(run({"tokenize", model(), "--source-language", "fr", "a"}),
                       "no tokens for languages"));
}

TEST_F(EmbedCommandTest, PromptsStandBeforeEachText) {
  put("config_sentence_transformers.json",
      R"({"prompts": {"query": "a b ", "other": "c "}, "default_prompt_name": "query"})");
  const auto vectors = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"embed", checkpoint(), "--quiet", "--json"});
    std::vector<nlohmann::json> found;
    for (const auto& object : run(std::move(arguments)).objects()) {
      found.push_back(object["embedding"]);
    }
    return found;
  };
  const auto as_given = vectors({"--prompt", "document", "a b d", "a b e", "c d"});
  ASSERT_EQ(as_given.size(), 3u);
  EXPECT_EQ(vectors({"d", "e"}), (std::vector{as_given[0], as_given[1]}));
  EXPECT_EQ(vectors({"--prompt", "query", "d"}), (std::vector{as_given[0]}));
  EXPECT_EQ(vectors({"--prompt", "other", "d"}), (std::vector{as_given[2]}));
  EXPECT_TRUE(is_error(run({"embed", checkpoint(), "--quiet", "--prompt", "others", "d"}),
                       "unknown prompt 'others'", "'document', 'other', 'query'"));
  EXPECT_TRUE(converters::has(run({"inspect", checkpoint()}).out, "'query': 'a b ', the default"));
}

}  // namespace
}  // namespace lanewise::cli
