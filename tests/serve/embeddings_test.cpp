// Encoders' routes: the numbers that the library gives for the same texts.

#include <cmath>
#include <cstring>

#include "lanewise/classifier.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/token_embedder.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

const std::vector<std::string> kTexts = {"a b c d", "e", "a ab abc"};

std::vector<std::string_view> text_views() { return {kTexts.begin(), kTexts.end()}; }

class EncoderRoutes : public ServingTest {
 protected:
  std::vector<float> direct(const Model& model, std::string_view text, int64_t dimension = 20) {
    Embedder embedder = expect_ok(Embedder::create(model, kOneThread));
    EXPECT_TRUE(embedder.set_dimension(dimension).ok());
    return expect_ok(embedder.embed({&text, 1})).values;
  }
};

std::vector<float> from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  for (size_t i = 0; i + 3 < text.size(); i += 4) {
    unsigned bits = 0;
    for (size_t k = 0; k < 4; ++k) {
      bits =
          bits << 6U | (text[i + k] == '=' ? 0U : static_cast<unsigned>(digits.find(text[i + k])));
    }
    bytes += static_cast<char>(bits >> 16U);
    if (text[i + 2] != '=') bytes += static_cast<char>(bits >> 8U);
    if (text[i + 3] != '=') bytes += static_cast<char>(bits);
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

TEST_F(EncoderRoutes, OpenAiEmbeddings) {
  const Model model = bert();
  add("tiny", model);
  start();
  const Answer one = post("/v1/embeddings", {{"model", "tiny"}, {"input", kTexts[0]}});
  ASSERT_EQ(one.status, 200) << one.body;
  EXPECT_EQ(one.json()["object"], "list");
  EXPECT_EQ(one.json()["model"], "tiny");
  EXPECT_EQ(one.json()["usage"]["prompt_tokens"], 6);
  EXPECT_EQ(one.json()["data"][0]["embedding"].get<std::vector<float>>(), direct(model, kTexts[0]));
  const Json many =
      post("/v1/embeddings", {{"input", kTexts}, {"encoding_format", "base64"}}).json();
  ASSERT_EQ(many["data"].size(), 3U);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    EXPECT_EQ(many["data"][i]["index"], i);
    EXPECT_EQ(from_base64(many["data"][i]["embedding"]), direct(model, kTexts[i])) << i;
  }
}

TEST_F(EncoderRoutes, OpenAiEmbeddingsOfTokenIdsAndOfDimensions) {
  const Model model = bert();
  add("tiny", model);
  start();
  const Tokenizer tokenizer = expect_ok(Tokenizer::of(model));
  const std::vector<int32_t> ids = expect_ok(tokenizer.encode(kTexts[2])).ids;
  const std::vector<int32_t> others = expect_ok(tokenizer.encode(kTexts[1])).ids;
  const Json single = post("/v1/embeddings", {{"input", ids}}).json();
  EXPECT_EQ(single["data"][0]["embedding"].get<std::vector<float>>(), direct(model, kTexts[2]));
  const Json list = post("/v1/embeddings", {{"input", {ids, others}}}).json();
  EXPECT_EQ(list["data"][1]["embedding"].get<std::vector<float>>(), direct(model, kTexts[1]));
  const Json cut = post("/v1/embeddings", {{"input", kTexts[0]}, {"dimensions", 3}}).json();
  EXPECT_EQ(cut["data"][0]["embedding"].get<std::vector<float>>(), direct(model, kTexts[0], 3));
  // The next request has all of them again.
  const Json all = post("/v1/embeddings", {{"input", kTexts[0]}}).json();
  EXPECT_EQ(all["data"][0]["embedding"].size(), 20U);
  EXPECT_TRUE(is_refused(post("/v1/embeddings", {{"input", kTexts[0]}, {"dimensions", 21}}), 400,
                         {"dimensions", "expected 1 to 20"}));
  EXPECT_TRUE(is_refused(post("/v1/embeddings", {{"input", {1, 99}}}), 400, {"input", "99"}));
}

TEST_F(EncoderRoutes, LongTextsAreRefusedUnlessTheClientAllowsTruncation) {
  add("tiny", bert());
  start();
  std::string text = "a";
  for (int i = 0; i < 30; ++i) text += " b";
  EXPECT_TRUE(is_refused(post("/v1/embeddings", {{"input", {"a", text}}}), 400,
                         {"input: text 2", "33 tokens", "at most 24"}));
  EXPECT_TRUE(is_refused(post("/embed", {{"inputs", text}}), 400, {"inputs: text 1"}));
  EXPECT_EQ(post("/embed", {{"inputs", text}, {"truncate", true}}).status, 200);
}

TEST_F(EncoderRoutes, Embed) {
  const Model model = bert();
  add("tiny", model);
  start();
  const Json raw = post("/embed", {{"inputs", kTexts}, {"normalize", false}}).json();
  const Json unit = post("/embed", {{"inputs", kTexts[0]}}).json();
  ASSERT_EQ(raw.size(), 3U);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    EXPECT_EQ(raw[i].get<std::vector<float>>(), direct(model, kTexts[i]));
  }
  double squares = 0;
  for (const Json& value : unit[0]) squares += value.get<double>() * value.get<double>();
  EXPECT_NEAR(squares, 1.0, 1e-5);
}

TEST_F(EncoderRoutes, EmbedAllAndSimilarity) {
  const Model model = bert();
  add("tiny", model);
  start();
  TokenEmbedder embedder = expect_ok(TokenEmbedder::create(model, kOneThread));
  const auto expected = expect_ok(embedder.embed(text_views()));
  const Json found = post("/embed_all", {{"inputs", kTexts}}).json();
  ASSERT_EQ(found.size(), 3U);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    ASSERT_EQ(found[i].size(), static_cast<size_t>(expected[i].count));
    const std::span<const float> last = expected[i][expected[i].count - 1];
    EXPECT_EQ(found[i].back().get<std::vector<float>>(), std::vector(last.begin(), last.end()));
  }
  const Json cosines =
      post("/similarity", {{"inputs", {{"source_sentence", "e"}, {"sentences", kTexts}}}}).json();
  ASSERT_EQ(cosines.size(), 3U) << cosines;
  EXPECT_FLOAT_EQ(cosines[1].get<float>(), 1.0F);
  EXPECT_LT(cosines[0].get<float>(), 1.0F);
}

TEST_F(EncoderRoutes, EmbedSparse) {
  const Model model = masked();
  add("tiny", model);
  start();
  SparseEmbedder embedder = expect_ok(SparseEmbedder::create(model, kOneThread));
  const auto expected = expect_ok(embedder.embed(text_views()));
  const Json found = post("/embed_sparse", {{"inputs", kTexts}}).json();
  ASSERT_EQ(found.size(), 3U) << found;
  for (size_t i = 0; i < kTexts.size(); ++i) {
    ASSERT_EQ(found[i].size(), expected[i].weights.size());
    for (size_t k = 0; k < found[i].size(); ++k) {
      EXPECT_EQ(found[i][k]["index"], expected[i].weights[k].id);
      EXPECT_EQ(found[i][k]["value"].get<float>(), expected[i].weights[k].weight);
    }
  }
  EXPECT_TRUE(is_refused(post("/embed", {{"inputs", "a"}}), 424, {"sentence_embedding"}));
}

TEST_F(EncoderRoutes, Rerank) {
  const Model model = with_head("BertForSequenceClassification", 1);
  add("tiny", model);
  start();
  Reranker reranker = expect_ok(Reranker::create(model, kOneThread));
  const auto expected = expect_ok(reranker.rank("a b", text_views()));
  const Json found =
      post("/rerank", {{"query", "a b"}, {"texts", kTexts}, {"return_text", true}}).json();
  ASSERT_EQ(found.size(), 3U) << found;
  for (size_t i = 0; i < kTexts.size(); ++i) {
    EXPECT_EQ(found[i]["index"], expected[i].index);
    EXPECT_EQ(found[i]["score"].get<float>(), expected[i].score);
    EXPECT_EQ(found[i]["text"], kTexts[static_cast<size_t>(expected[i].index)]);
  }
  EXPECT_TRUE(is_refused(post("/rerank", {{"query", "a"}, {"texts", kTexts}, {"raw_scores", true}}),
                         400, {"raw_scores"}));
  EXPECT_TRUE(
      is_refused(post("/rerank", {{"query", "a"}, {"texts", Json::array()}}), 400, {"texts"}));
}

std::string words(int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += i == 0 ? "a" : " b";
  return text;
}

TEST_F(EncoderRoutes, RerankByEmbeddingsReadsQueryAndTextsByThemselves) {
  const Model model = bert();
  add("tiny", model);
  start();
  const int64_t most = model.info().max_text_tokens - 2;  // beside [CLS] and [SEP]
  const std::string query = words(most);
  const Json texts = {words(most), "e"};
  std::vector<std::string> strings = texts;
  const std::vector<std::string_view> views(strings.begin(), strings.end());
  Reranker reranker = expect_ok(Reranker::create(model, kOneThread));
  const auto expected = expect_ok(reranker.rank(query, views));
  const Json found = post("/rerank", {{"query", query}, {"texts", texts}}).json();
  ASSERT_EQ(found.size(), 2U) << found;
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i]["index"], expected[i].index);
    EXPECT_EQ(found[i]["score"].get<float>(), expected[i].score);  // a similarity, no sigmoid
  }
  const std::string long_text = words(most + 1);
  EXPECT_TRUE(is_refused(post("/rerank", {{"query", "a"}, {"texts", {"b", long_text}}}), 400,
                         {"texts", "text 2"}));
  EXPECT_TRUE(
      is_refused(post("/rerank", {{"query", long_text}, {"texts", {"b"}}}), 400, {"query"}));
}

TEST_F(EncoderRoutes, Predict) {
  const Model model = with_head("BertForSequenceClassification", 3);
  add("tiny", model);
  start();
  Classifier classifier = expect_ok(Classifier::create(model, kOneThread));
  const auto expect_labels = [&](const Json& found, const Classification& expected) {
    ASSERT_EQ(found.size(), 3U) << found;
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(found[i]["score"].get<float>(), expected.labels[i].score);
      EXPECT_EQ(found[i]["label"],
                classifier.labels()[static_cast<size_t>(expected.labels[i].label)]);
    }
  };
  const auto texts = expect_ok(classifier.classify(text_views()));
  const std::vector<TextPair> pairs{{"a b", "c"}};
  const auto of_pair = expect_ok(classifier.classify_pairs(pairs));
  expect_labels(post("/predict", {{"inputs", kTexts[0]}}).json(), texts[0]);
  expect_labels(post("/predict", {{"inputs", {"a b", "c"}}}).json(), of_pair[0]);
  const Json mixed =
      post("/predict", Json::parse(R"({"inputs": [["e"], ["a b", "c"], ["a ab abc"]]})")).json();
  ASSERT_EQ(mixed.size(), 3U) << mixed;
  expect_labels(mixed[0], texts[1]);
  expect_labels(mixed[1], of_pair[0]);
  expect_labels(mixed[2], texts[2]);
}

TEST_F(EncoderRoutes, Tokenize) {
  const Model model = bert();
  add("tiny", model);
  start();
  const Json found = post("/tokenize", {{"inputs", "a b"}}).json();
  ASSERT_EQ(found.size(), 1U) << found;
  ASSERT_EQ(found[0].size(), 4U);
  EXPECT_EQ(found[0][0]["special"], true);
  EXPECT_EQ(found[0][0]["start"], nullptr);
  EXPECT_EQ(found[0][2]["text"], "b");
  EXPECT_EQ(found[0][2]["start"], 2);
  EXPECT_EQ(found[0][2]["stop"], 3);
  const Json plain =
      post("/tokenize", {{"inputs", {"a b", "c"}}, {"add_special_tokens", false}}).json();
  EXPECT_EQ(plain[0].size(), 2U);
  EXPECT_EQ(plain[1].size(), 1U);
}

TEST_F(EncoderRoutes, WithoutANameTheModelThatIsMadeForItRanks) {
  add("sparse", masked());
  add("embeddings", bert());
  const Model scores = with_head("BertForSequenceClassification", 1);
  add("scores", scores);
  add("labels", with_head("BertForSequenceClassification", 3));
  start();
  const Json query{{"query", "a b"}, {"texts", kTexts}};
  const Json found = post("/rerank", query).json();
  Reranker reranker = expect_ok(Reranker::create(scores, kOneThread));
  const auto expected = expect_ok(reranker.rank("a b", text_views()));
  ASSERT_EQ(found.size(), expected.size()) << found;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i]["index"], expected[i].index);
    EXPECT_EQ(found[i]["score"].get<float>(), expected[i].score);
  }
  for (const char* name : {"sparse", "embeddings"}) {
    Json named = query;
    named["model"] = name;
    const Json others = post("/rerank", named).json();
    ASSERT_EQ(others.size(), expected.size()) << others;
    EXPECT_NE(others, found) << name;
  }
}

TEST_F(EncoderRoutes, ModelsAreFoundByNameOrByWhatTheyCan) {
  const Model encoder = bert();
  add("encoder", encoder);
  add("scores", with_head("BertForSequenceClassification", 1));
  start();
  EXPECT_EQ(post("/embed", {{"inputs", "a"}}).status, 200);
  EXPECT_EQ(post("/rerank", {{"query", "a"}, {"texts", {"b"}}}).status, 200);
  EXPECT_TRUE(
      is_refused(post("/v1/embeddings", {{"input", "a"}}), 400, {"model", "encoder, scores"}));
  EXPECT_TRUE(is_refused(post("/v1/embeddings", {{"input", "a"}, {"model", "none"}}), 404,
                         {"model", "'none'"}));
  EXPECT_TRUE(is_refused(
      post("/v1/chat/completions",
           {{"model", "encoder"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}}),
      400, {}));
  const Json models = get("/v1/models").json();
  ASSERT_EQ(models["data"].size(), 2U);
  EXPECT_EQ(models["data"][0]["id"], "encoder");
}

}  // namespace
}  // namespace lanewise::serve
