// Texts ordered by the similarity of their embeddings to a query's.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/embedder.hpp"
#include "lanewise/reranker.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

const std::vector<std::string_view> kRankedTexts = {"a b", "c d c", "", "e e e a", "a b"};

class EmbeddingRankerTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    write_all();
    put("modules.json",
        R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
    put("1_Pooling/config.json", R"({"pooling_mode": "mean"})");
  }

  Model open() {
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  }

  static std::vector<float> embed(const Model& model, const std::string& prompt,
                                  std::string_view text) {
    Result<Embedder> embedder = Embedder::create(model);
    EXPECT_TRUE(embedder.ok() && embedder->set_prompt(prompt).ok());
    const Result<Embeddings> found = embedder->embed({&text, 1});
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found->values;
  }

  using Function = double (*)(std::span<const float>, std::span<const float>);

  /// Every score is that of the vectors; the best is first.
  void expect_ranking(Function similarity, const std::string& query_prompt,
                      const std::string& text_prompt) {
    const Model model = open();
    Result<Reranker> reranker = Reranker::create(model);
    ASSERT_TRUE(reranker.ok()) << reranker.status().message();
    const auto ranking = reranker->rank("b c", kRankedTexts);
    ASSERT_TRUE(ranking.ok()) << ranking.status().message();
    ASSERT_EQ(ranking->size(), kRankedTexts.size());
    const std::vector<float> query = embed(model, query_prompt, "b c");
    for (size_t i = 0; i < ranking->size(); ++i) {
      const RankedText& one = (*ranking)[i];
      const std::string_view text = kRankedTexts[static_cast<size_t>(one.index)];
      const double expected = similarity(query, embed(model, text_prompt, text));
      EXPECT_NEAR(one.score, expected, 1e-6 * std::max(1.0, std::abs(expected))) << text;
      if (i > 0) {
        EXPECT_LE(one.score, (*ranking)[i - 1].score);
      }
    }
  }
};

double dot_similarity(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double cosine_similarity(std::span<const float> a, std::span<const float> b) {
  return dot_similarity(a, b) / std::sqrt(dot_similarity(a, a) * dot_similarity(b, b));
}

double euclidean_similarity(std::span<const float> a, std::span<const float> b) {
  return -std::sqrt(dot_similarity(a, a) + dot_similarity(b, b) - 2 * dot_similarity(a, b));
}

double manhattan_similarity(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum -= std::abs(static_cast<double>(a[i]) - b[i]);
  return sum;
}

TEST_F(EmbeddingRankerTest, ScoresAreTheModelsSimilarity) {
  expect_ranking(cosine_similarity, "", "");
  const std::pair<const char*, Function> functions[] = {{"cosine", cosine_similarity},
                                                        {"dot", dot_similarity},
                                                        {"euclidean", euclidean_similarity},
                                                        {"manhattan", manhattan_similarity},
                                                        {"maxsim", cosine_similarity}};
  for (const auto& [name, function] : functions) {
    SCOPED_TRACE(name);
    put("config_sentence_transformers.json",
        R"({"similarity_fn_name": ")" + std::string(name) + "\"}");
    expect_ranking(function, "", "");
  }
}

TEST_F(EmbeddingRankerTest, QueryAndTextsHaveTheirPrompts) {
  put("config_sentence_transformers.json", R"({"prompts": {"query": "a d ", "document": "e "}})");
  expect_ranking(cosine_similarity, "query", "document");
  // A folder without the prompt `document` has it, empty.
  put("config_sentence_transformers.json",
      R"({"prompts": {"query": "a d ", "passage": "e "}, "default_prompt_name": "query"})");
  expect_ranking(cosine_similarity, "query", "document");
}

TEST_F(EmbeddingRankerTest, AModelFileKeepsTheSimilarity) {
  put("config_sentence_transformers.json", R"({"similarity_fn_name": "dot"})");
  ASSERT_TRUE(convert_folder().ok());
  const Result<Model> model = Model::open(destination());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->info().similarity, Similarity::kDot);
}

TEST_F(EmbeddingRankerTest, SaysWhatIsWrong) {
  Result<Reranker> reranker = Reranker::create(open());
  ASSERT_TRUE(reranker.ok());
  EXPECT_TRUE(has(reranker->rank("\xFF", kRankedTexts).status().message(), "the query"));
  const std::string_view damaged[] = {"a", "\xFF"};
  EXPECT_TRUE(has(reranker->rank("a", damaged).status().message(), "text 2"));
  std::filesystem::remove(path("modules.json"));
  config_["architectures"] = R"(["BertForTokenClassification"])";
  set_tensor("classifier.weight", {3, kHidden});
  set_tensor("classifier.bias", {3});
  config_["num_labels"] = "3";
  write();
  const Status status = Reranker::create(open()).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(status.message(), "token-classification, cannot rank texts", "cross-encoder",
                  "embedding", "sparse"));
}

}  // namespace
}  // namespace lanewise::converters
