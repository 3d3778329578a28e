// Vectors of tokens: ColBERT in its three spellings, and BGE-M3's two layers.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
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

// Of the vocabulary below.
enum Id : int32_t {
  kUnknown = 1,
  kCls = 2,
  kSep = 3,
  kMask = 4,
  kA = 5,
  kB = 6,
  kD = 8,
  kE = 9,
  kDot = 12
};

class TokenHeadTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    write_all();
    put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\n##a\n##b\n.\n");
  }

  /// ColBERT's own checkpoint, with markers that the vocabulary has.
  void use_colbert(const std::string& settings) {
    config_["architectures"] = R"(["HF_ColBERT"])";
    add_prefix("bert.");
    set_tensor("linear.weight", {6, kHidden});
    write();
    put("artifact.metadata", R"({"query_token_id": "d", "doc_token_id": "e", )" + settings + "}");
  }

  void use_pylate(const std::string& settings) {
    put("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                            {"type": "pylate.models.Dense.Dense", "path": "1_Dense"}])");
    put_dense();
    put("config_sentence_transformers.json",
        R"({"model_type": "ColBERT", "query_prefix": "d", "document_prefix": "e ", )" + settings +
            "}");
  }

  void use_multi_vector(const std::string& transformer, const std::string& mask) {
    put("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                            {"type": "sentence_transformers.base.modules.dense.Dense", "path": "1_Dense"},
                            {"type": "sentence_transformers.x.MultiVectorMask", "path": "2"},
                            {"type": "sentence_transformers.x.Normalize", "path": "3"}])");
    put_dense();
    put("2/config.json", mask);
    put("3/config.json", R"({"module_input_name": "token_embeddings"})");
    put("sentence_bert_config.json", transformer);
    put("config_sentence_transformers.json",
        R"({"model_type": "MultiVectorEncoder", "prompts": {"query": "d ", "document": "e "}})");
  }

  void put_dense() {
    put("1_Dense/config.json",
        R"({"in_features": 20, "out_features": 6, "bias": false,
            "activation_function": "torch.nn.modules.linear.Identity"})");
    TensorMap weights;
    std::swap(weights, tensors_);
    set_tensor("linear.weight", {6, kHidden});
    std::swap(weights, tensors_);
    write_tensors("1_Dense/model.safetensors", weights);
  }

  Model open() {
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  }

  /// The vectors of each text, which must not depend on the others.
  static std::vector<TokenEmbedding> embed(const Model& model, const char* prompt,
                                           const std::vector<std::string_view>& texts) {
    Result<TokenEmbedder> embedder = TokenEmbedder::create(model, {.threads = 2});
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    EXPECT_TRUE(embedder->set_prompt(prompt).ok());
    auto all = embedder->embed(texts);
    EXPECT_TRUE(all.ok()) << all.status().message();
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto alone = embedder->embed({&texts[i], 1});
      EXPECT_TRUE(alone.ok());
      EXPECT_EQ(alone->front().values, (*all)[i].values) << texts[i];
    }
    return *std::move(all);
  }

  std::string refusal() {
    const Result<Model> model = load(source_.string(), options_);
    EXPECT_EQ(model.status().code(), kUnsupported);
    return model.status().message();
  }
};

using Ids = std::vector<int32_t>;

void expect_unit_vectors(const TokenEmbedding& embedding) {
  EXPECT_EQ(static_cast<size_t>(embedding.count), embedding.ids.size());
  for (int64_t i = 0; i < embedding.count; ++i) {
    double squares = 0;
    for (const float x : embedding[i]) squares += std::pow(x, 2);
    EXPECT_NEAR(squares, 1, 1e-5);
  }
}

/// Numbers of the first `count` vectors.
std::vector<float> first(const TokenEmbedding& embedding, int64_t count) {
  const auto end = embedding.values.begin() + count * embedding.dimension;
  return {embedding.values.begin(), end};
}

TEST_F(TokenHeadTest, ColbertsOwnCheckpoint) {
  use_colbert(R"("query_maxlen": 8, "doc_maxlen": 6)");
  const Model model = open();
  EXPECT_EQ(model.info().task, "late-interaction");
  EXPECT_FALSE(reported("unused"));
  const auto documents = embed(model, "document", {"a . b", "a b a b a b", "", "."});
  // The mark is skipped, the marker is not; the second text is truncated.
  EXPECT_EQ(documents[0].ids, (Ids{kCls, kE, kA, kB, kSep}));
  EXPECT_EQ(documents[0].tokens, 6);
  EXPECT_EQ(documents[1].ids, (Ids{kCls, kE, kA, kB, kA, kSep}));
  EXPECT_TRUE(documents[1].truncated);
  EXPECT_EQ(documents[2].ids, (Ids{kCls, kE, kSep}));
  EXPECT_EQ(documents[3].ids, (Ids{kCls, kE, kSep}));
  const auto queries = embed(model, "query", {"a . b", "a b a b a b a b"});
  EXPECT_EQ(queries[0].ids, (Ids{kCls, kD, kA, kDot, kB, kSep, kMask, kMask}));
  EXPECT_EQ(queries[1].ids, (Ids{kCls, kD, kA, kB, kA, kB, kA, kSep}));
  for (const auto* results : {&documents, &queries}) {
    for (const TokenEmbedding& one : *results) expect_unit_vectors(one);
  }
}

TEST_F(TokenHeadTest, ColbertsOtherSimilarityIsRefused) {
  use_colbert(R"("similarity": "l2")");
  EXPECT_TRUE(has(refusal(), "artifact.metadata': similarity 'l2'", "known: cosine"));
}

TEST_F(TokenHeadTest, ExpansionIsAttendedToOnlyIfTheModelSaysSo) {
  const std::vector<std::string_view> texts{"a b c", "b"};
  use_pylate(R"("query_length": 9, "do_query_expansion": false)");
  const auto without = embed(open(), "query", texts);
  EXPECT_EQ(without[1].ids, (Ids{kCls, kD, kB, kSep}));
  use_pylate(R"("query_length": 9)");
  const auto with = embed(open(), "query", texts);
  use_pylate(R"("query_length": 9, "attend_to_expansion_tokens": true)");
  const auto attended = embed(open(), "query", texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    const int64_t count = without[i].count;
    EXPECT_EQ(with[i].count, 9);
    EXPECT_EQ(first(with[i], count), without[i].values);
    EXPECT_NE(first(attended[i], count), without[i].values);
  }
}

TEST_F(TokenHeadTest, PylatesSettings) {
  use_pylate(
      R"("document_length": 5, "skiplist_words": ["a", "no token"], "prompts": {"query": "c "})");
  const Model model = open();
  EXPECT_EQ(embed(model, "", {"a b . b b"})[0].ids, (Ids{kCls, kE, kB, kSep}));
  // The marker stands before the prompt.
  const auto query = embed(model, "query", {"a"});
  EXPECT_EQ(query[0].count, 24);  // 32, but the model takes no more
  EXPECT_EQ(Ids(query[0].ids.begin(), query[0].ids.begin() + 5), (Ids{kCls, kD, 7, kA, kSep}));
  use_pylate(R"("query_prefix": "[Q] ")");
  EXPECT_TRUE(has(refusal(), source_.string(), "marker '[Q] ' is not a token"));
  put("1_Dense/config.json", R"({"in_features": 20, "out_features": 6, "module_input_name": "x"})");
  EXPECT_TRUE(has(refusal(), "module_input_name 'x'", "known: token_embeddings"));
}

TEST_F(TokenHeadTest, PylatesDefaults) {
  use_pylate(R"("query_length": 9)");
  put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n[D]\n[Q]\ne\n##a\n##b\n.\n");
  put("config_sentence_transformers.json", R"({"model_type": "ColBERT"})");
  config_["max_position_embeddings"] = "300";
  set_tensor("embeddings.position_embeddings.weight", {300, kHidden});
  write();
  const Model model = open();
  const LateInteraction& late = model.info().head.late_interaction;
  EXPECT_EQ(late.queries.max_tokens, 32);
  EXPECT_EQ(late.documents.max_tokens, 180);
  EXPECT_EQ(embed(model, "", {"a ."})[0].ids, (Ids{kCls, 7, kA, kSep}));
  EXPECT_EQ(embed(model, "query", {"a"})[0].ids[1], 8);
}

TEST_F(TokenHeadTest, AMultiVectorEncoder) {
  const std::string expansion = R"("query_expansion": {"strategy": "fixed", "length": 7)";
  use_multi_vector("{\"document_length\": 6, " + expansion + ", \"token\": \"b\"}}",
                   R"({"skiplist_words": ["."], "keep_only_token_ids": null})");
  const Model model = open();
  // Prompts are text.
  EXPECT_EQ(embed(model, "", {"a . b"})[0].ids, (Ids{kCls, kE, kA, kB, kSep}));
  EXPECT_EQ(embed(model, "query", {"."})[0].ids, (Ids{kCls, kD, kDot, kSep, kB, kB, kB}));
  use_multi_vector("{" + expansion + "}}",
                   R"({"skiplist_words": ["."], "skiplist_tasks": ["query"]})");
  EXPECT_TRUE(has(refusal(), "skiplist_tasks"));
  use_multi_vector("{" + expansion + "}}", R"({"skiplist_words": ["."], "skiplist_tasks": []})");
  EXPECT_EQ(embed(open(), "", {"."})[0].ids, (Ids{kCls, kE, kDot, kSep}));
  use_multi_vector("{" + expansion + R"(, "pad": 1}})", "{}");
  EXPECT_TRUE(has(refusal(), "'query_expansion': 'pad' is not supported"));
  use_multi_vector("{" + expansion + "}}", R"({"skiplist": ["."]})");
  EXPECT_TRUE(has(refusal(), "'skiplist' is not supported"));
  use_multi_vector(R"({"query_expansion": {"strategy": "fixed"}})", "{}");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'query_expansion': 'length'"));
  use_multi_vector("{\"query_length\": 5, " + expansion + "}}", "{}");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'query_length'"));
  use_multi_vector("{" + expansion + "}}", R"({"keep_only_token_ids": [3]})");
  EXPECT_TRUE(has(refusal(), "'keep_only_token_ids'"));
  use_multi_vector(R"({"query_expansion": {"strategy": "min", "length": 7}})", "{}");
  EXPECT_TRUE(has(refusal(), "strategy 'min' is not supported; known: fixed"));
}

TEST_F(TokenHeadTest, RankingIsTheSumOfTheLargestProducts) {
  use_colbert(R"("query_maxlen": 7)");
  const Model model = open();
  const std::vector<std::string_view> texts{"a b", "c . d", "", "e e e a"};
  const auto query = embed(model, "query", {"b c"});
  const auto documents = embed(model, "document", texts);
  Result<Reranker> reranker = Reranker::create(model);
  ASSERT_TRUE(reranker.ok()) << reranker.status().message();
  const auto ranking = reranker->rank("b c", texts);
  ASSERT_TRUE(ranking.ok()) << ranking.status().message();
  ASSERT_EQ(ranking->size(), texts.size());
  for (size_t i = 0; i < ranking->size(); ++i) {
    const RankedText& one = (*ranking)[i];
    const TokenEmbedding& document = documents[static_cast<size_t>(one.index)];
    double expected = 0;
    for (int64_t q = 0; q < query[0].count; ++q) {
      double largest = -2;
      for (int64_t d = 0; d < document.count; ++d) {
        double product = 0;
        for (size_t k = 0; k < 6; ++k) product += query[0][q][k] * document[d][k];
        largest = std::max(largest, product);
      }
      expected += largest;
    }
    EXPECT_NEAR(one.score, expected, 1e-5);
    EXPECT_EQ(one.tokens, document.tokens);
    if (i > 0) {
      EXPECT_LE(one.score, (*ranking)[i - 1].score);
    }
  }
  TokenEmbedding damaged = documents[0];
  damaged.values[0] = std::nanf("");
  EXPECT_TRUE(std::isnan(*max_similarity(query[0], damaged)));
  EXPECT_EQ(max_similarity(query[0], TokenEmbedding()).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(has(reranker->rank("\xFF", texts).status().message(), "the query"));
}

TEST_F(TokenHeadTest, TextsHaveTokens) {
  use_multi_vector("{}", "{}");
  put("config_sentence_transformers.json", R"({"model_type": "MultiVectorEncoder"})");
  put("tokenizer.json", R"({"pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {
      "type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 5}}})");
  const Model model = open();
  Result<Reranker> reranker = Reranker::create(model);
  ASSERT_TRUE(reranker.ok()) << reranker.status().message();
  EXPECT_TRUE(reranker->rank("a", std::vector<std::string_view>{"a a", "a"}).ok());
  const auto of_nothing = reranker->rank("a", std::vector<std::string_view>{"a", ""});
  EXPECT_EQ(of_nothing.status().code(), kInvalid);
  EXPECT_EQ(of_nothing.status().message(), "text 2 has no tokens");
  const auto to_nothing = reranker->rank(" ", std::vector<std::string_view>{"a"});
  EXPECT_EQ(to_nothing.status().message(), "the query: text 1 has no tokens");
}

TEST_F(TokenHeadTest, AnyEncoderHasVectorsOfTokens) {
  const Model model = open();
  const auto results = embed(model, "", {"a b", ""});
  EXPECT_EQ(results[0].ids, (Ids{kCls, kA, kB, kSep}));
  EXPECT_EQ(results[0].dimension, kHidden);
  EXPECT_EQ(results[1].ids, (Ids{kCls, kSep}));
}

class TokenLinearsTest : public TokenHeadTest {
 protected:
  /// A torch.nn.Linear of random values.
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
    if (features == 1) weights_ = weights;
  }

  TensorMap weights_;  // of sparse_linear.pt
};

TEST_F(TokenLinearsTest, GiveVectorsAndWeights) {
  put_linear("colbert_linear.pt", 7);
  put_linear("sparse_linear.pt", 1);
  const Model model = open();
  EXPECT_EQ(model.info().task, "embedding");
  const std::vector<std::string_view> texts{"a b a", "q b"};
  const auto vectors = embed(model, "", texts);
  EXPECT_EQ(vectors[0].ids, (Ids{kA, kB, kA, kSep}));
  expect_unit_vectors(vectors[0]);
  // Weights: of the hidden states, the largest of each token, without [CLS], [PAD] and [UNK].
  Result<SparseEmbedder> sparse = SparseEmbedder::create(model);
  ASSERT_TRUE(sparse.ok()) << sparse.status().message();
  const auto found = sparse->embed(texts);
  ASSERT_TRUE(found.ok()) << found.status().message();
  Result<Session> session = Session::create(model);
  ASSERT_TRUE(session.ok());
  const Ids ids{kCls, kA, kB, kA, kSep, kCls, kUnknown, kB, kSep};
  const Ids lengths{5, 4};
  ASSERT_TRUE(session->run_ragged({.ids = ids, .type_ids = {}, .lengths = lengths}).ok());
  const auto states = session->output("last_hidden_state");
  ASSERT_TRUE(states.ok());
  std::vector<double> weights;
  for (size_t i = 0; i < ids.size(); ++i) {
    double sum = *weights_.at("bias").as<float>();
    for (int64_t k = 0; k < kHidden; ++k) {
      sum += states->data[static_cast<int64_t>(i) * states->stride + k] *
             weights_.at("weight").as<float>()[k];
    }
    weights.push_back(std::max(sum, 0.0));
  }
  // [SEP] stays: it is the eos_token of no BERT tokenizer.
  const std::vector<std::pair<int32_t, double>> expected[] = {
      {{kSep, weights[4]}, {kA, std::max(weights[1], weights[3])}, {kB, weights[2]}},
      {{kSep, weights[8]}, {kB, weights[7]}}};
  bool any = false;
  for (size_t text = 0; text < 2; ++text) {
    size_t next = 0;
    for (const auto& [id, weight] : expected[text]) {
      if (weight == 0) continue;
      ASSERT_LT(next, (*found)[text].weights.size());
      EXPECT_EQ((*found)[text].weights[next].id, id);
      EXPECT_NEAR((*found)[text].weights[next++].weight, weight, 1e-5);
      any = true;
    }
    EXPECT_EQ((*found)[text].weights.size(), next);
  }
  EXPECT_TRUE(any);
}

TEST_F(TokenLinearsTest, TheFolderMayHaveOne) {
  put_linear("sparse_linear.pt", 1);
  const Model model = open();
  EXPECT_EQ(embed(model, "", {"a"})[0].dimension, kHidden);
  EXPECT_TRUE(SparseEmbedder::create(model).ok());
  EXPECT_TRUE(Embedder::create(model).ok());
  EXPECT_TRUE(Reranker::create(model).ok());  // by the embedding
  put_linear("sparse_linear.pt", 2);
  EXPECT_TRUE(
      has(failure(StatusCode::kInvalidArgument), "sparse_linear.pt': expected one feature"));
}

}  // namespace
}  // namespace lanewise::converters
