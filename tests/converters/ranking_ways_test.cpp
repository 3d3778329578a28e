// Texts ordered by sparse embeddings, by vectors of tokens, and by a mix of all that BGE-M3 has.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/embedder.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/token_embedder.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kWayQuery = "b c a";
const std::vector<std::string_view> kWayTexts = {"a b", "c d c", "", "e e e a", "a b", "c b a"};

class RankingWaysTest : public CheckpointFolderTest {
 protected:
  using Scores = std::vector<double>;

  void use_masked() {
    write_all();
    config_["architectures"] = R"(["BertForMaskedLM"])";
    for (const char* name : {"dense.bias", "LayerNorm.weight", "LayerNorm.bias"}) {
      set_tensor("cls.predictions.transform." + std::string(name), {kHidden});
    }
    set_tensor("cls.predictions.transform.dense.weight", {kHidden, kHidden});
    set_tensor("cls.predictions.bias", {kVocabulary});
    write();
  }

  /// BGE-M3's two layers beside the encoder.
  void use_m3() {
    write_all();
    put_linear("colbert_linear.pt", 7);
    put_linear("sparse_linear.pt", 1);
  }

  void put_linear(const std::string& name, int64_t features) {
    TensorMap weights;
    std::swap(weights, tensors_);
    set_tensor("weight", {features, kHidden});
    set_tensor("bias", {features});
    if (features == 1) {  // so that weights are above 0
      float* const weight = tensors_["weight"].as<float>();
      std::for_each(weight, weight + kHidden, [](float& w) { w *= 0.001F; });
      *tensors_["bias"].as<float>() = 1;
    }
    std::swap(weights, tensors_);
    write_tensors(name, weights);
  }

  Model open() {
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  }

  /// By the order of the texts.
  static Scores scores_by(const Model& model, const RankingOptions& options) {
    Result<Reranker> reranker = Reranker::create(model, {.threads = 2}, options);
    EXPECT_TRUE(reranker.ok()) << reranker.status().message();
    if (!reranker.ok()) return {};
    const auto ranking = reranker->rank(kWayQuery, kWayTexts);
    EXPECT_TRUE(ranking.ok()) << ranking.status().message();
    Scores scores(kWayTexts.size(), std::nan(""));
    for (size_t i = 0; i < ranking->size(); ++i) {
      const RankedText& one = (*ranking)[i];
      const auto text = static_cast<size_t>(one.index);
      scores[text] = static_cast<double>(one.score);
      EXPECT_TRUE(i == 0 || one.score <= (*ranking)[i - 1].score);
      const auto alone = reranker->rank(kWayQuery, {&kWayTexts[text], 1});
      EXPECT_TRUE(alone.ok() && alone->front().score == one.score) << kWayTexts[text];
    }
    return scores;
  }

  static std::map<int32_t, double> weights_of(SparseEmbedder& embedder, const std::string& prompt,
                                              std::string_view text) {
    EXPECT_TRUE(embedder.set_prompt(prompt).ok());
    const auto found = embedder.embed({&text, 1});
    EXPECT_TRUE(found.ok()) << found.status().message();
    std::map<int32_t, double> weights;
    for (const TokenWeight& one : found->front().weights) {
      weights[one.id] = static_cast<double>(one.weight);
    }
    return weights;
  }

  /// Inner products of sparse embeddings.
  static Scores sparse_products(const Model& model, const std::string& query_prompt = "query",
                                const std::string& text_prompt = "document") {
    Result<SparseEmbedder> embedder = SparseEmbedder::create(model);
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    auto query = weights_of(*embedder, query_prompt, kWayQuery);
    Scores scores;
    for (const std::string_view text : kWayTexts) {
      double sum = 0;
      for (const auto& [id, weight] : weights_of(*embedder, text_prompt, text)) {
        if (query.contains(id)) sum += weight * query[id];
      }
      scores.push_back(sum);
    }
    return scores;
  }

  static Scores max_similarities(const Model& model) {
    Result<TokenEmbedder> embedder = TokenEmbedder::create(model);
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    const auto query = embedder->embed({&kWayQuery, 1});
    const auto texts = embedder->embed(kWayTexts);
    EXPECT_TRUE(query.ok() && texts.ok());
    Scores scores;
    for (const TokenEmbedding& text : *texts) {
      scores.push_back(static_cast<double>(*max_similarity(query->front(), text)) /
                       static_cast<double>(query->front().count));
    }
    return scores;
  }

  static Scores cosines(const Model& model) {
    Result<Embedder> embedder = Embedder::create(model);
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    const auto query = embedder->embed({&kWayQuery, 1});
    const auto texts = embedder->embed(kWayTexts);
    EXPECT_TRUE(query.ok() && texts.ok());
    const auto product = [](std::span<const float> a, std::span<const float> b) {
      double sum = 0;
      for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
      return sum;
    };
    Scores scores;
    for (int64_t i = 0; i < texts->count; ++i) {
      const auto a = (*query)[0];
      const auto b = (*texts)[i];
      scores.push_back(product(a, b) / std::sqrt(product(a, a) * product(b, b)));
    }
    return scores;
  }

  static void expect_near(const Scores& found, const Scores& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 1e-6 * std::max(1.0, std::abs(expected[i])))
          << kWayTexts[i];
    }
    EXPECT_GT(*std::ranges::max_element(found) - *std::ranges::min_element(found), 1e-4);
  }

  static Status refusal(const Model& model, const RankingOptions& options) {
    return Reranker::create(model, {.threads = 1}, options).status();
  }
};

TEST_F(RankingWaysTest, SparseEmbeddingsOfAMaskedModelAreMultiplied) {
  use_masked();
  const Model model = open();
  EXPECT_EQ(model.info().similarity, Similarity::kDot);
  const Scores expected = sparse_products(model);
  expect_near(scores_by(model, {}), expected);
  expect_near(scores_by(model, {.by = RankBy::kSparse}), expected);
}

TEST_F(RankingWaysTest, AFolderOfASparseEncoderHasPromptsAndASimilarity) {
  use_masked();
  put("modules.json", R"([{"path": "", "type": "sentence_transformers.models.MLMTransformer"},
                          {"path": "1", "type": "sentence_transformers.x.SpladePooling"}])");
  put("1/config.json", R"({"pooling_strategy": "max"})");
  const std::string prompts = R"("prompts": {"query": "a d ", "document": "e "})";
  for (const std::string similarity :
       {"", R"(, "similarity_fn_name": "dot")", R"(, "similarity_fn_name": "maxsim")"}) {
    put("config_sentence_transformers.json", "{" + prompts + similarity + "}");
    const Model model = open();
    expect_near(scores_by(model, {}), sparse_products(model));
  }
  // A query without its prompt would have other scores.
  const Model model = open();
  EXPECT_NE(sparse_products(model), sparse_products(model, "", ""));
  put("config_sentence_transformers.json", R"({"similarity_fn_name": "cosine"})");
  const Model with_cosine = open();
  EXPECT_EQ(with_cosine.info().similarity, Similarity::kCosine);
  for (const double score : scores_by(with_cosine, {})) EXPECT_LE(score, 1.000001);
  ASSERT_TRUE(convert_folder().ok());
  const Result<Model> stored = Model::open(destination());
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  EXPECT_EQ(stored->info().similarity, Similarity::kCosine);
}

TEST_F(RankingWaysTest, AnM3MixesAllThatItHas) {
  use_m3();
  const Model model = open();
  const Scores embeddings = cosines(model);
  const Scores sparse = sparse_products(model, "", "");
  const Scores tokens = max_similarities(model);
  const auto mixed = [&](double e, double s, double t) {
    Scores scores;
    for (size_t i = 0; i < embeddings.size(); ++i) {
      scores.push_back((e * embeddings[i] + s * sparse[i] + t * tokens[i]) / (e + s + t));
    }
    return scores;
  };
  expect_near(scores_by(model, {}), mixed(0.4, 0.2, 0.4));
  expect_near(scores_by(model, {.by = RankBy::kMixed, .weights = {1, 1, 1}}), mixed(1, 1, 1));
  expect_near(scores_by(model, {.by = RankBy::kMixed, .weights = {0, 3, 1}}), mixed(0, 3, 1));
  expect_near(scores_by(model, {.by = RankBy::kEmbeddings}), embeddings);
  expect_near(scores_by(model, {.by = RankBy::kSparse}), sparse);
  expect_near(scores_by(model, {.by = RankBy::kTokens}), tokens);
}

TEST_F(RankingWaysTest, AMixSaysWhatIsWrong) {
  use_m3();
  const Model model = open();
  for (const RankingWeights weights :
       {RankingWeights{-1, 1, 1}, RankingWeights{0, 0, 0}, RankingWeights{std::nan(""), 1, 1}}) {
    const Status status = refusal(model, {.by = RankBy::kMixed, .weights = weights});
    EXPECT_EQ(status.code(), kInvalid);
    EXPECT_TRUE(has(status.message(), "weights of a mixed score"));
  }
  Result<Reranker> reranker = Reranker::create(model);
  ASSERT_TRUE(reranker.ok());
  EXPECT_TRUE(has(reranker->rank("\xFF", kWayTexts).status().message(), "the query"));
  const std::string_view damaged[] = {"a", "\xFF"};
  EXPECT_TRUE(has(reranker->rank("a", damaged).status().message(), "text 2"));
}

TEST_F(RankingWaysTest, WhatAModelCannotDoIsRefused) {
  use_m3();
  EXPECT_TRUE(has(refusal(open(), {.by = RankBy::kPairs}).message(), "text-classification"));
  std::filesystem::remove(path("colbert_linear.pt"));
  const Model half = open();
  EXPECT_TRUE(has(refusal(half, {.by = RankBy::kMixed}).message(), "could be mixed"));
  EXPECT_TRUE(has(refusal(half, {.by = RankBy::kTokens}).message(), "vectors of tokens"));
  expect_near(scores_by(half, {}), cosines(half));
  std::filesystem::remove(path("sparse_linear.pt"));
  EXPECT_EQ(refusal(open(), {.by = RankBy::kSparse}).code(), kUnsupported);
}

}  // namespace
}  // namespace lanewise::converters
