// The page at /, and what /v1/models tells it.

#include <map>
#include <set>

#include "tests/converters/bundled_model.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

class PageTest : public ServingTest {
 protected:
  /// A request of each path that names a model.
  static std::map<std::string, Json> requests() {
    const Json messages = {{{"role", "user"}, {"content", "hi"}}};
    return {{"/v1/embeddings", {{"input", "a"}}},
            {"/embed", {{"inputs", "a"}}},
            {"/similarity", {{"inputs", {{"source_sentence", "a"}, {"sentences", {"b"}}}}}},
            {"/embed_sparse", {{"inputs", "a"}}},
            {"/rerank", {{"query", "a"}, {"texts", {"b"}}}},
            {"/predict", {{"inputs", "a"}}},
            {"/v1/completions", {{"prompt", "a"}, {"max_tokens", 2}}},
            {"/v1/chat/completions", {{"messages", messages}, {"max_tokens", 2}}},
            {"/translate", {{"inputs", "a"}}},
            {"/tokenize", {{"inputs", "a"}}}};
  }
};

TEST_F(PageTest, RunsNothingButItsOwnScript) {
  ServerOptions options;
  options.keys = expect_ok(ApiKeys::parse("secret"));
  add("tiny", bert());
  start(options);
  // A browser has no key before it has the page.
  const Answer answer = get("/");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.find("Content-Type")->second, "text/html; charset=utf-8");
  const std::string policy = answer.headers.find("Content-Security-Policy")->second;
  EXPECT_TRUE(policy.starts_with("default-src 'none'; ")) << policy;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
  const size_t begin = policy.find("'nonce-") + 7;
  const std::string nonce = policy.substr(begin, policy.find('\'', begin) - begin);
  EXPECT_EQ(nonce.size(), 32U);
  for (const char* tag : {"<script", "<style"}) {
    const size_t only = answer.body.find(tag);
    EXPECT_EQ(answer.body.find(std::string(tag) + " nonce=\"" + nonce + "\">"), only) << tag;
    EXPECT_EQ(answer.body.find(tag, only + 1), std::string::npos) << tag;
  }
  for (const char* never : {"{{", "http://", "https://", " style=", "innerHTML", "onclick="}) {
    EXPECT_EQ(answer.body.find(never), std::string::npos) << never;
  }
  EXPECT_NE(get("/").headers.find("Content-Security-Policy")->second, policy);
  EXPECT_EQ(get("/v1/models").status, 401);
}

TEST_F(PageTest, LearnsWhatModelsAnswer) {
  add("encoder", bert());
  add("scores", with_head("BertForSequenceClassification", 1));
  add("labels", with_head("BertForSequenceClassification", 3));
  add("letters", letters());
  add("g2p", bundled_model());
  start();
  const Json models = get("/v1/models").json()["data"];
  ASSERT_EQ(models.size(), 5U);
  for (const Json& model : models) {
    const auto paths = model["paths"].get<std::set<std::string>>();
    EXPECT_TRUE(paths.contains("/tokenize")) << model;
    for (auto [path, request] : requests()) {
      request["model"] = model["id"];
      const Answer answer = post(path, request);
      EXPECT_EQ(answer.status == 200, paths.contains(path)) << path << model << answer.body;
    }
  }
}

TEST_F(PageTest, LearnsOfSparseModels) {
  add("masked", masked());
  start();
  const auto paths = get("/v1/models").json()["data"][0]["paths"].get<std::set<std::string>>();
  EXPECT_EQ(paths, (std::set<std::string>{"/embed_sparse", "/rerank", "/tokenize"}));
  EXPECT_EQ(post("/embed_sparse", {{"inputs", "a"}}).status, 200);
}

TEST_F(PageTest, OpensNoModel) {
  write_all();
  const ModelSource source{
      .name = "late", .path = "", .open = [this] { return load(source_.string()); }};
  ASSERT_TRUE(models_->add(source, kOneThread, Limits(), /*on_use=*/true).ok());
  start();
  EXPECT_FALSE(get("/v1/models").json()["data"][0].contains("paths"));
  EXPECT_EQ(post("/tokenize", {{"inputs", "a"}}).status, 200);
  EXPECT_TRUE(get("/v1/models").json()["data"][0].contains("paths"));
}

}  // namespace
}  // namespace lanewise::serve
