// The commands for tasks on tiny models: results are those of the library, whatever else is in the
// batch.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "lanewise/classifier.hpp"
#include "lanewise/convert.hpp"
#include "tests/cli/program.hpp"
#include "tests/read_file.hpp"

namespace lanewise::cli {
namespace {

using Json = nlohmann::json;

class HeadCommandTest : public converters::CheckpointFolderTest {
 protected:
  /// The folder becomes a BERT of that class, whose head has `outputs`.
  void use(const std::string& architecture, const std::string& head, int64_t outputs) {
    config_["architectures"] = "[\"" + architecture + "\"]";
    config_["num_labels"] = std::to_string(outputs);
    add_pooler();
    set_tensor(head + ".weight", {outputs, kHidden});
    set_tensor(head + ".bias", {outputs});
    write_all();
  }

  void use_masked() {
    config_["architectures"] = "[\"BertForMaskedLM\"]";
    const std::string name = "cls.predictions.transform.";
    set_tensor(name + "dense.weight", {kHidden, kHidden});
    set_tensor(name + "dense.bias", {kHidden});
    set_tensor(name + "LayerNorm.weight", {kHidden});
    set_tensor(name + "LayerNorm.bias", {kHidden});
    set_tensor("cls.predictions.bias", {kVocabulary});
    write_all();
  }

  Outcome command(const std::string& name, std::vector<std::string> arguments,
                  const std::string& input = {}) {
    arguments.insert(arguments.begin(), {name, source_.string()});
    return run(std::move(arguments), input);
  }

  /// The JSON objects of a command; several texts must give what each gives alone.
  std::vector<Json> objects_of_lines(const std::string& name, std::vector<std::string> arguments,
                                     const std::vector<std::string>& texts) {
    arguments.emplace_back("--json");
    std::string lines;
    for (const std::string& text : texts) lines += text + "\n";
    const Outcome together = command(name, arguments, lines);
    EXPECT_EQ(together.exit_code, 0) << together.err;
    const std::vector<Json> objects = together.objects();
    EXPECT_EQ(objects.size(), texts.size());
    for (size_t i = 0; i < std::min(texts.size(), objects.size()); ++i) {
      EXPECT_EQ(objects[i]["text"], texts[i]);
      const Outcome alone = command(name, arguments, texts[i] + "\n");
      EXPECT_EQ(alone.objects(), std::vector<Json>{objects[i]}) << texts[i];
    }
    return objects;
  }
};

TEST_F(HeadCommandTest, Classify) {
  use("BertForSequenceClassification", "classifier", 7);
  const auto objects = objects_of_lines("classify", {"--top", "9"}, {"a b", "", "c d e a b"});
  for (const Json& object : objects) {
    double sum = 0;
    double before = 1;
    for (const Json& label : object["labels"]) {
      EXPECT_LE(label["score"], before);
      before = label["score"];
      sum += before;
    }
    EXPECT_EQ(object["labels"].size(), 7U);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  Result<Model> model = load(source_.string());
  ASSERT_TRUE(model.ok());
  Result<Classifier> classifier = Classifier::create(*model);
  ASSERT_TRUE(classifier.ok());
  const std::string_view text = "a b";
  const auto expected = classifier->classify({&text, 1});
  ASSERT_TRUE(expected.ok());
  const LabelScore& best = expected->front().labels.front();
  EXPECT_EQ(objects[0]["labels"][0]["label"], "LABEL_" + std::to_string(best.label));
  EXPECT_EQ(objects[0]["labels"][0]["score"].get<float>(), best.score);
  EXPECT_EQ(command("classify", {"a b", "--json"}).objects()[0]["labels"].size(), 5U);
}

TEST_F(HeadCommandTest, ClassifyReadsPairs) {
  use("BertForSequenceClassification", "classifier", 3);
  const Json alone = command("classify", {"a b", "--json"}).objects()[0];
  const Json pair = command("classify", {"a b", "--pair", "c", "--json"}).objects()[0];
  EXPECT_EQ(pair["text"], "a b");
  EXPECT_NE(pair["labels"], alone["labels"]);
}

TEST_F(HeadCommandTest, TruncationIsSaidOnce) {
  use("BertForSequenceClassification", "classifier", 3);
  std::string text;
  for (int i = 0; i < 40; ++i) text += "a ";
  const Outcome outcome = command("classify", {text, "b", text});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.err.find("2 texts were longer than 24 tokens and were truncated"),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(command("classify", {text, "--quiet"}).err, "");
}

TEST_F(HeadCommandTest, Rerank) {
  use("BertForSequenceClassification", "classifier", 1);
  const Outcome outcome =
      command("rerank", {"--query", "a b", "--json", "--top", "2", "c", "d e", "a b"});
  const auto objects = outcome.objects();
  ASSERT_EQ(objects.size(), 2U) << outcome.err;
  EXPECT_GE(objects[0]["score"], objects[1]["score"]);
  const std::vector<std::string> texts{"c", "d e", "a b"};
  for (const Json& object : objects) {
    EXPECT_EQ(object["text"], texts[object["index"].get<size_t>()]);
    const Json alone = command("rerank", {"--query", "a b", "--json", object["text"]}).objects()[0];
    EXPECT_EQ(alone["score"], object["score"]);
  }
  EXPECT_TRUE(is_wrong_usage(command("rerank", {"a"}), "--query"));
}

TEST_F(HeadCommandTest, RerankNeedsOneLabel) {
  use("BertForSequenceClassification", "classifier", 2);
  EXPECT_EQ(command("rerank", {"--query", "a", "b"}).exit_code, 1);
}

TEST_F(HeadCommandTest, Tag) {
  config_["id2label"] = R"({"0": "W", "1": "B-X", "2": "I-X", "3": "Y"})";
  use("BertForTokenClassification", "classifier", 4);
  size_t entities = 0;
  for (const Json& object :
       objects_of_lines("tag", {}, {"a b c d e a b", "d d ab", "c é c b", ""})) {
    const std::string text = object["text"];
    for (const Json& entity : object["entities"]) {
      const size_t begin = entity["start"];
      const size_t end = entity["end"];
      EXPECT_EQ(entity["text"], text.substr(begin, end - begin));
      EXPECT_NE(std::string("WXY").find(entity["label"].get<std::string>()), std::string::npos);
      EXPECT_GT(entity["score"], 0.25);
      ++entities;
    }
  }
  EXPECT_GE(entities, 3U);
}

TEST_F(HeadCommandTest, FillMask) {
  use_masked();
  const auto objects =
      objects_of_lines("fill-mask", {"--top", "3"}, {"a [MASK]", "[MASK] b [MASK] c d"});
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0]["masks"].size(), 1U);
  EXPECT_EQ(objects[1]["masks"].size(), 2U);
  for (const Json& token : objects[1]["masks"][1]) {
    EXPECT_TRUE(token["id"].is_number_integer());
    EXPECT_TRUE(token["token"].is_string());
  }
  EXPECT_EQ(objects[1]["masks"][1].size(), 3U);
  EXPECT_TRUE(is_error(command("fill-mask", {"--quiet", "a [MASK]", "a b"}), "text 2", "no mask"));
  EXPECT_TRUE(is_wrong_usage(command("fill-mask", {"a [MASK]", "--top", "0"}), "--top"));
}

TEST_F(HeadCommandTest, Answer) {
  use("BertForQuestionAnswering", "qa_outputs", 2);
  const std::string context = "é a b c d e";
  const Outcome outcome = command("answer", {"--question", "a", "--context", context, "--json"});
  ASSERT_EQ(outcome.objects().size(), 1U) << outcome.err;
  const Json answer = outcome.objects()[0];
  const size_t begin = answer["start"];
  const size_t end = answer["end"];
  EXPECT_EQ(answer["answer"], context.substr(begin, end - begin));
  EXPECT_GT(answer["score"], 0);
  const std::string line = Json{{"question", "a"}, {"context", context}}.dump() + "\n";
  const std::string other = Json{{"question", "b"}, {"context", "c d"}}.dump() + "\n";
  const Outcome file = command("answer", {"--input", "-", "--json"}, other + line);
  ASSERT_EQ(file.objects().size(), 2U) << file.err;
  EXPECT_EQ(file.objects()[1], answer);
  const std::string questions = (root_ / "questions.jsonl").string();
  const std::string output = (root_ / "answers.jsonl").string();
  std::ofstream(questions, std::ios::binary) << other << line;
  const Outcome resumed =
      command("answer", {"--input", questions, "--output", output, "--resume", "--quiet"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(test::read_file(output), file.out);
  EXPECT_TRUE(is_error(command("answer", {"--quiet", "--input", "-"}, line + "{\"question\": 1}\n"),
                       "standard input: line 2", "'question'"));
  EXPECT_TRUE(
      is_error(command("answer", {"--quiet", "--input", "-"}, "[1]\n"), "line 1", "object"));
  EXPECT_TRUE(is_wrong_usage(command("answer", {"--question", "a"}), "--context"));
  EXPECT_TRUE(is_wrong_usage(command("answer", {"--question", "a", "--input", "x"}), "not both"));
}

TEST_F(HeadCommandTest, SparseEmbeddings) {
  use_masked();
  for (const Json& object : objects_of_lines("embed", {"--sparse"}, {"a b", "c", ""})) {
    EXPECT_TRUE(object["embedding"].is_object());
    for (const auto& [token, weight] : object["embedding"].items()) EXPECT_GT(weight, 0) << token;
  }
  const std::string path = (root_ / "out" / "x.jsonl").string();
  const Outcome outcome = command("embed", {"--sparse", "--json", "--output", path, "a b"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(files_out(), 1);
  EXPECT_TRUE(is_wrong_usage(command("embed", {"--sparse", "--output", "x.npy", "a"}), ".jsonl"));
  EXPECT_TRUE(is_wrong_usage(command("embed", {"--sparse", "--dimensions", "2", "a"})));
}

TEST_F(HeadCommandTest, VectorsOfTokens) {
  config_["architectures"] = R"(["HF_ColBERT"])";
  set_tensor("linear.weight", {6, kHidden});
  write_all();
  put("artifact.metadata", R"({"query_token_id": "d", "doc_token_id": "e", "query_maxlen": 7})");
  for (const Json& object : objects_of_lines("embed", {"--tokens"}, {"a b", "c", ""})) {
    EXPECT_EQ(object["embeddings"].size(), object["text"] == ""    ? 3U
                                           : object["text"] == "c" ? 4U
                                                                   : 5U);
    for (const Json& vector : object["embeddings"]) EXPECT_EQ(vector.size(), 6U);
  }
  const Json query =
      command("embed", {"--tokens", "--json", "--prompt", "query", "a"}).objects()[0];
  EXPECT_EQ(query["embeddings"].size(), 7U);
  const Outcome plain = command("embed", {"--tokens", "a b"});
  ASSERT_EQ(plain.lines().size(), 5U) << plain.err;
  EXPECT_TRUE(plain.lines()[2].starts_with("a b\ta\t"));
  const auto ranking = command("rerank", {"--query", "a b", "--json", "c", "d e", "a b"}).objects();
  ASSERT_EQ(ranking.size(), 3U);
  EXPECT_GE(ranking[0]["score"], ranking[1]["score"]);
  EXPECT_TRUE(is_wrong_usage(command("embed", {"--tokens", "--output", "x.npy", "a"}), ".jsonl"));
  EXPECT_TRUE(is_wrong_usage(command("embed", {"--tokens", "--sparse", "a"}), "--sparse"));
}

TEST_F(HeadCommandTest, ModelsForOtherTasksAreNamed) {
  use_masked();
  for (const char* name : {"classify", "tag"}) {
    EXPECT_TRUE(is_error(command(name, {"--quiet", "a"}), "bert for fill-mask"));
  }
  EXPECT_TRUE(is_error(command("embed", {"--quiet", "a"}), "sentence_embedding"));
  EXPECT_TRUE(is_error(command("answer", {"--quiet", "--question", "a", "--context", "b"}),
                       "question-answering"));
}

class DimensionsTest : public ProgramTest {};

TEST_F(DimensionsTest, TheFirstAreKeptAndNormalisedAgain) {
  const auto vector_of = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"embed", model(), "--json", "a b c"});
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.objects()[0]["embedding"].get<std::vector<float>>();
  };
  const std::vector<float> whole = vector_of({});
  const std::vector<float> first = vector_of({"--dimensions", "5"});
  ASSERT_EQ(first.size(), 5U);
  double squares = 0;
  for (size_t i = 0; i < 5; ++i) squares += std::pow(whole[i], 2);
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(first[i], whole[i] / std::sqrt(squares), 1e-6);
  EXPECT_EQ(vector_of({"--dimensions", "20"}), whole);
  EXPECT_TRUE(
      is_error(run({"embed", model(), "--dimensions", "21", "a"}), "--dimensions", "1 to 20"));
}

}  // namespace
}  // namespace lanewise::cli
