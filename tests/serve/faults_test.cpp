// What clients do wrong: each is answered or refused, and the server goes on.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

/// A connection for bytes that no decent client sends.
class RawClient {
 public:
  explicit RawClient(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { ::close(descriptor_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(const std::string& bytes) const {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count =
          ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;  // the server may refuse before it has read all
      sent += static_cast<size_t>(count);
    }
  }
  /// All until the server closes the connection.
  std::string read_all() const {
    std::string all;
    char bytes[4096];
    while (true) {
      const ssize_t count = ::recv(descriptor_, bytes, sizeof bytes, 0);
      if (count <= 0) return all;
      all.append(bytes, static_cast<size_t>(count));
    }
  }

 private:
  int descriptor_;
};

/// The status of an answer, 0 if there is none.
int status_of_answer(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

class Faults : public ServingTest {
 protected:
  void serve_bert(ServerOptions options = {}) {
    add("tiny", bert());
    start(std::move(options));
  }
  void TearDown() override {
    // Whatever a test has done.
    if (server_ != nullptr) {
      httplib::Client still = client();
      still.set_bearer_token_auth("key");
      const auto answer = still.Post("/embed", R"({"inputs": "a"})", "application/json");
      EXPECT_TRUE(answer && answer->status == 200);
    }
    ServingTest::TearDown();
  }
  std::string raw(const std::string& request) const {
    const RawClient client(server_->port());
    client.send(request);
    return client.read_all();
  }
};

TEST_F(Faults, BodiesThatAreNotWhatTheyShouldBe) {
  serve_bert();
  for (const std::string path : {"/embed", "/v1/embeddings"}) {
    EXPECT_TRUE(is_refused(post(path, std::string()), 400, {"not JSON"}));
    EXPECT_TRUE(is_refused(post(path, std::string("{\"input")), 400, {"not JSON, at byte"}));
    EXPECT_TRUE(is_refused(post(path, std::string("{\"inputs\": \"\xff\"}")), 400, {"UTF-8"}));
    EXPECT_TRUE(is_refused(post(path, std::string(R"({"inputs": "\ud800"})")), 400, {"not JSON"}));
    EXPECT_TRUE(is_refused(post(path, std::string("[1]")), 400, {"expected a JSON object"}));
    EXPECT_TRUE(is_refused(post(path, std::string(R"({"inputs": 1e999})")), 400, {"not JSON"}));
    EXPECT_TRUE(is_refused(post(path, std::string(100000, '[')), 400, {}));
    EXPECT_TRUE(
        is_refused(post(path, "{\"x\": " + std::string(1000, '[') + std::string(1000, ']') + "}"),
                   400, {"nested deeper"}));
  }
}

TEST_F(Faults, FieldsThatAreNotWhatTheyShouldBe) {
  serve_bert();
  const auto refused = [&](const char* path, const char* body, const std::string& part) {
    EXPECT_TRUE(is_refused(post(path, std::string(body)), 400, {part})) << body;
  };
  refused("/embed", R"({})", "inputs: expected a string");
  refused("/embed", R"({"inputs": null})", "inputs");
  refused("/embed", R"({"inputs": ""})", "inputs: expected texts, found an empty one");
  refused("/embed", R"({"inputs": []})", "inputs: expected at least one");
  refused("/embed", R"({"inputs": ["a", 1]})", "inputs");
  refused("/embed", R"({"inputs": {"a": 1}})", "found an object");
  refused("/embed", R"({"inputs": "a", "normalise": true})", "normalise: this field");
  refused("/embed", R"({"inputs": "a", "truncate": "yes"})", "truncate: expected true or false");
  refused("/embed", R"({"inputs": "a", "truncation_direction": "Left"})", "truncation_direction");
  refused("/embed", R"({"inputs": "a", "prompt_name": "none"})", "none");
  refused("/v1/embeddings", R"({"input": [-1]})", "input");
  refused("/v1/embeddings", R"({"input": [1.5]})", "input");
  refused("/v1/embeddings", R"({"input": [[]]})", "input");
  refused("/v1/embeddings", R"({"input": [99999999999]})", "input");
  refused("/v1/embeddings", R"({"input": "a", "encoding_format": "int8"})", "encoding_format");
  refused("/similarity", R"({"inputs": {"sentences": ["a"]}})", "inputs.source_sentence");
  refused("/similarity", R"({"inputs": 1})", "inputs");
  refused("/tokenize", R"({"inputs": [1]})", "inputs");
  const Json error = post("/v1/embeddings", std::string(R"({"input": 1})")).json()["error"];
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_EQ(error["param"], "input");
  EXPECT_EQ(post("/embed", std::string("{}")).json()["error_type"], "Validation");
}

TEST_F(Faults, BodiesThatAreTooLong) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  serve_bert(options);
  EXPECT_TRUE(is_refused(post("/embed", std::string(1001, ' ')), 413, {"1001 bytes", "1000"}));
  EXPECT_EQ(status_of_answer(raw("POST /embed HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")),
            413);
  std::string chunks = "POST /embed HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunks += "64\r\n" + std::string(100, ' ') + "\r\n";
  EXPECT_EQ(status_of_answer(raw(chunks + "0\r\n\r\n")), 413);
  std::string small =
      "POST /embed HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  small += "8\r\n{\"inputs\r\n6\r\n\": \"a\"\r\n1\r\n}\r\n0\r\n\r\n";
  EXPECT_EQ(status_of_answer(raw(small)), 200);
}

TEST_F(Faults, RequestsThatAreNotHttp) {
  ServerOptions options;
  options.limits.read_time = std::chrono::milliseconds(300);
  serve_bert(options);
  EXPECT_EQ(status_of_answer(raw("nonsense\r\n\r\n")), 400);
  EXPECT_EQ(status_of_answer(raw("POST /embed HTTP/1.1\r\n\r\n")), 411);
  EXPECT_EQ(status_of_answer(raw("POST /embed HTTP/1.1\r\nContent-Length: x\r\n\r\n")), 400);
  EXPECT_EQ(status_of_answer(raw("POST /embed HTTP/1.1\r\nContent-Length: 2\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n")),
            400);
  EXPECT_EQ(status_of_answer(raw("POST /embed HTTP/1.1\r\nContent-Length: 2\r\n"
                                 "Content-Type: multipart/form-data; boundary=x\r\n\r\n{}")),
            415);
  EXPECT_EQ(status_of_answer(raw("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n")), 414);
  // Half a request, and a header that does not end: closed once the time is over.
  EXPECT_LE(status_of_answer(raw("POST /embed HTTP/1.1\r\nContent-Length: 20\r\n\r\n{\"in")), 400);
  EXPECT_EQ(status_of_answer(raw("GET /health HTT")), 0);
  EXPECT_LE(status_of_answer(raw("GET /health HTTP/1.1\r\nX: " + std::string(200000, 'a'))), 400);
}

TEST_F(Faults, PathsAndMethods) {
  serve_bert();
  EXPECT_TRUE(is_refused(get("/nothing"), 404, {"/nothing"}));
  EXPECT_TRUE(is_refused(post("/v1/nothing", Json::object()), 404, {"/v1/nothing"}));
  EXPECT_TRUE(is_refused(get("/embed"), 405, {"GET"}));
  EXPECT_EQ(get("/embed").headers.find("Allow")->second, "POST");
  EXPECT_TRUE(is_refused(post("/health", Json::object()), 405, {"POST"}));
  EXPECT_EQ(status_of_answer(raw("PUT /embed HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")), 405);
  EXPECT_EQ(status_of_answer(raw("HEAD /health HTTP/1.1\r\nConnection: close\r\n\r\n")), 200);
}

TEST_F(Faults, ClientsWithoutAKey) {
  ServerOptions options;
  options.keys = expect_ok(ApiKeys::parse("# ours\nother\nkey\n"));
  serve_bert(options);
  httplib::Client with_key = client();
  EXPECT_EQ(with_key.Get("/v1/models")->status, 401);
  EXPECT_EQ(with_key.Get("/nothing")->status, 401);
  EXPECT_EQ(with_key.Get("/health")->status, 200);
  for (const char* wrong : {"kez", "ke", "keyy", "", "# ours"}) {
    with_key.set_bearer_token_auth(wrong);
    EXPECT_EQ(with_key.Get("/v1/models")->status, 401) << wrong;
  }
  for (const char* right : {"key", "other"}) {
    with_key.set_bearer_token_auth(right);
    EXPECT_EQ(with_key.Get("/v1/models")->status, 200) << right;
  }
  const Answer refused = post("/embed", {{"inputs", "a"}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.count("WWW-Authenticate"), 1U);
}

TEST_F(Faults, ClientsThatHangUp) {
  serve_bert();
  const std::string body = R"({"inputs": "a b c"})";
  const std::string request =
      "POST /embed HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (size_t bytes = 1; bytes <= request.size(); bytes += 7) {
    const RawClient hasty(server_->port());
    hasty.send(request.substr(0, bytes));
  }
  const RawClient hasty(server_->port());
  hasty.send(request);
}

TEST_F(Faults, AConnectionServesManyRequests) {
  serve_bert();
  httplib::Client kept = client();
  kept.set_keep_alive(true);
  for (int i = 0; i < 20; ++i) {
    // One that is refused in between leaves nothing behind.
    const bool good = i % 3 != 0;
    const auto answer = kept.Post("/embed", good ? R"({"inputs": "a"})" : "{", "application/json");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, good ? 200 : 400);
  }
}

TEST_F(Faults, ManyRequestsMayComeAtOnce) {
  serve_bert();
  const std::string body = R"({"inputs": "a b"})";
  const std::string head =
      "POST /embed HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += head + (i == 49 ? "Connection: close\r\n\r\n" : "\r\n") + body;
  const RawClient slow(server_->port());
  slow.send(all);
  // While it does not read, others are served.
  EXPECT_EQ(post("/embed", body).status, 200);
  const std::string answers = slow.read_all();
  int good = 0;
  for (size_t at = answers.find("HTTP/1.1 200"); at != std::string::npos;
       at = answers.find("HTTP/1.1 200", at + 1)) {
    ++good;
  }
  EXPECT_EQ(good, 50);
}

TEST_F(Faults, AModelFileThatVanishesIsStillThere) {
  write_all();
  ASSERT_TRUE(convert_folder().ok());
  add("tiny", expect_ok(Model::open(destination())));
  std::filesystem::remove(destination());
  start();
  EXPECT_EQ(post("/embed", {{"inputs", "a"}}).status, 200);
}

TEST_F(Faults, LogsAndMetricsTellOfEach) {
  serve_bert();
  post("/embed", {{"inputs", "a b"}});
  wait_for_log(1);
  post("/embed", std::string("{"));
  wait_for_log(2);
  get("/nothing");
  wait_for_log(3);
  const std::string metrics = get("/metrics").body;
  for (const char* line : {"lanewise_requests_total{path=\"/embed\",status=\"200\"} 1\n",
                           "lanewise_requests_total{path=\"/embed\",status=\"400\"} 1\n",
                           "lanewise_requests_total{path=\"other\",status=\"404\"} 1\n",
                           "lanewise_request_seconds_count{path=\"/embed\"} 2\n",
                           "lanewise_tokens_total{model=\"tiny\",kind=\"prompt\"} 4\n",
                           "lanewise_batches_total{model=\"tiny\"} 1\n"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line << "in\n" << metrics;
  }
  const std::vector<std::string> lines = log();
  ASSERT_GE(lines.size(), 3U);
  const Json first = Json::parse(lines[0], nullptr, false);
  EXPECT_EQ(first["path"], "/embed");
  EXPECT_EQ(first["status"], 200);
  EXPECT_EQ(first["model"], "tiny");
  EXPECT_EQ(first["prompt_tokens"], 4);
  EXPECT_EQ(Json::parse(lines[2], nullptr, false)["status"], 404);
}

}  // namespace
}  // namespace lanewise::serve
