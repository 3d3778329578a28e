// The server under load and at its end, and its description.

#include <fstream>
#include <thread>

#include "lanewise/embedder.hpp"
#include "serve/http/listener.hpp"
#include "serve/http/router.hpp"
#include "serve/routes/routes.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

/// A server of one route, which waits until the test lets it answer.
class HeldServer {
 public:
  explicit HeldServer(const Limits& limits = {}) : limits_(limits) {
    std::vector<Route> routes;
    routes.push_back({.method = "POST",
                      .path = "/hold",
                      .answer = [this](Exchange& exchange, std::string_view body) {
                        return hold(exchange, body);
                      }});
    router_ = std::make_unique<Router>(
        std::move(routes),
        Router::Settings{.limits = limits_, .keys = {}, .done = [](const Exchange&) {}});
    listener_ = expect_ok(Listener::open("127.0.0.1", 0, limits_));
    listener_->start([this](SocketStream& stream) {
      router_->serve(stream, [this] { return listener_->draining(); });
    });
  }

  int post(const std::string& body = "{}") const {
    httplib::Client client("127.0.0.1", listener_->port());
    const auto answer = client.Post("/hold", body, "application/json");
    return answer ? answer->status : -1;
  }
  void wait_for_entered(int count) const {
    while (entered.load() < count) std::this_thread::yield();
  }
  Listener& listener() { return *listener_; }
  Router& router() { return *router_; }

  std::atomic<bool> released{false};
  std::atomic<int> entered{0};
  std::atomic<int> abandoned{0};

 private:
  Reply hold(Exchange& exchange, std::string_view body) {
    ++entered;
    while (!released.load()) {
      if (!exchange.abandoned()) {
        std::this_thread::yield();
        continue;
      }
      ++abandoned;
      break;
    }
    Reply reply;
    reply.body = body;
    return reply;
  }

  Limits limits_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Listener> listener_;
};

TEST(Server, RefusesMoreRequestsThanTheLimit) {
  Limits limits;
  limits.requests = 2;
  HeldServer server(limits);
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 2; ++i) clients.emplace_back([&] { good += server.post() == 200 ? 1 : 0; });
  server.wait_for_entered(2);
  EXPECT_EQ(server.router().active(), 2);
  httplib::Client client("127.0.0.1", server.listener().port());
  const auto refused = client.Post("/hold", "{}", "application/json");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
  EXPECT_EQ(Json::parse(refused->body, nullptr, false)["error_type"], "Overloaded");
  server.released.store(true);
  for (std::thread& thread : clients) thread.join();
  EXPECT_EQ(good.load(), 2);
  EXPECT_EQ(server.post(), 200);
}

TEST(Server, RefusesMoreConnectionsThanTheLimit) {
  Limits limits;
  limits.connections = 1;
  HeldServer server(limits);
  std::thread first([&] { EXPECT_EQ(server.post(), 200); });
  server.wait_for_entered(1);
  EXPECT_EQ(server.post(), 503);
  server.released.store(true);
  first.join();
}

TEST(Server, NoticesThatAClientHasHungUp) {
  HeldServer server;
  httplib::Client client("127.0.0.1", server.listener().port());
  std::thread hangs_up([&] {
    server.wait_for_entered(1);
    client.stop();
  });
  EXPECT_FALSE(client.Post("/hold", "{}", "application/json"));
  hangs_up.join();
  while (server.abandoned.load() == 0) std::this_thread::yield();
}

TEST(Server, AnswersWhatHasComeBeforeItEnds) {
  HeldServer server;
  std::atomic<int> status{0};
  std::thread client([&] { status = server.post(); });
  server.wait_for_entered(1);
  std::thread drains([&] { server.listener().drain(std::chrono::hours(1)); });
  while (!server.listener().draining()) std::this_thread::yield();
  EXPECT_EQ(status.load(), 0);
  server.released.store(true);
  drains.join();
  client.join();
  EXPECT_EQ(status.load(), 200);
  EXPECT_EQ(server.listener().connections(), 0);
}

TEST(Server, BreaksOffWhatIsNotDoneInTime) {
  HeldServer server;
  std::thread client([&] { EXPECT_EQ(server.post(), -1); });
  server.wait_for_entered(1);
  server.listener().drain(std::chrono::milliseconds(1));
  client.join();
  EXPECT_EQ(server.abandoned.load(), 1);
}

TEST(Server, SaysWhereItCannotListen) {
  HeldServer server;
  const Limits limits;
  const int port = server.listener().port();
  const auto taken = Listener::open("127.0.0.1", port, limits);
  EXPECT_EQ(taken.status().code(), StatusCode::kIo);
  EXPECT_NE(taken.status().message().find("port " + std::to_string(port)), std::string::npos);
  EXPECT_FALSE(Listener::open("no such host.invalid", 0, limits).ok());
  server.released.store(true);
}

class ServerLoad : public ServingTest {};

/// Each client compares each answer with its own: none may get another's.
TEST_F(ServerLoad, NoAnswerIsSwapped) {
  const Model model = bert();
  add("tiny", model);
  start();
  constexpr int kClients = 16;
  constexpr int kRequests = 12;
  const char* const words[] = {"a", "b", "c", "d", "e"};
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      Embedder embedder = expect_ok(Embedder::create(model, kOneThread));
      httplib::Client kept = client();
      kept.set_keep_alive(true);
      for (int k = 0; k < kRequests; ++k) {
        std::string text = words[i % 5];
        for (int length = 0; length < k; ++length)
          text += std::string(" ") + words[(i + k * length) % 5];
        const std::string_view view = text;
        const auto expected = expect_ok(embedder.embed({&view, 1})).values;
        const auto answer =
            kept.Post("/v1/embeddings", Json({{"input", text}}).dump(), "application/json");
        if (!answer || answer->status != 200) continue;
        const Json found = Json::parse(answer->body, nullptr, false);
        good += found["data"][0]["embedding"].get<std::vector<float>>() == expected ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : clients) thread.join();
  EXPECT_EQ(good.load(), kClients * kRequests);
}

TEST_F(ServerLoad, DescribesAllItsPaths) {
  add("tiny", bert());
  start();
  const Answer answer = get("/openapi.json");
  ASSERT_EQ(answer.status, 200);
  const Json paths = answer.json()["paths"];
  size_t routes = 0;
  for (const Route& route : all_routes(Served())) {
    const std::string method = route.method == "GET" ? "get" : "post";
    EXPECT_TRUE(paths.contains(route.path) && paths[route.path].contains(method)) << route.path;
    ++routes;
  }
  EXPECT_EQ(paths.size(), routes);
  EXPECT_EQ(get("/health").json()["status"], "ok");
}

TEST(Models, AreNamedAfterTheirFile) {
  EXPECT_EQ(named_path("minilm.lw").name, "minilm");
  EXPECT_EQ(named_path("models/all-MiniLM-L6-v2/").name, "all-MiniLM-L6-v2");
  EXPECT_EQ(named_path("a/smollm2.Q8_0.gguf").name, "smollm2.Q8_0");
  EXPECT_EQ(named_path("x=a/b=c.lw").name, "x");
  EXPECT_EQ(named_path("x=a/b=c.lw").path, "a/b=c.lw");
  EXPECT_EQ(named_path("a/b=c.lw").name, "b=c");
}

TEST(ApiKeyFile, IsReadLineByLine) {
  EXPECT_FALSE(ApiKeys().required());
  const ApiKeys keys = expect_ok(ApiKeys::parse("one\r\n\n# two\nthree"));
  EXPECT_TRUE(keys.allows("Bearer one"));
  EXPECT_TRUE(keys.allows("Bearer three"));
  EXPECT_FALSE(keys.allows("Bearer two"));
  EXPECT_FALSE(keys.allows("one"));
  EXPECT_FALSE(keys.allows(""));
  EXPECT_FALSE(keys.allows("Bearer "));
  EXPECT_EQ(ApiKeys::parse("# none\n").status().message(), "there is no key");
  EXPECT_EQ(ApiKeys::parse("good\nbad key").status().message(),
            "line 2: expected a key of visible ASCII characters");
}

}  // namespace
}  // namespace lanewise::serve
