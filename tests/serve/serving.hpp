#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "lanewise/model.hpp"
#include "serve/server.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::serve {

using Json = nlohmann::json;

/// Fails the test, and returns nothing that is worth using, unless `result` is a success.
template <typename T>
T expect_ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

inline const SessionOptions kOneThread{.threads = 1};

/// A request as its work sees it, without a client.
class TestExchange : public Exchange {
 public:
  bool abandoned() override { return gone.load(); }
  std::atomic<bool> gone{false};
};

/// An answer of the server.
struct Answer {
  int status = 0;
  std::string body;
  httplib::Headers headers;

  Json json() const { return Json::parse(body, nullptr, /*allow_exceptions=*/false); }
};

/// Succeeds for an answer with that status whose error message has all parts.
testing::AssertionResult is_refused(const Answer& answer, int status,
                                    const std::vector<std::string>& parts);

/// A server with tiny models, and clients of it.
class ServingTest : public converters::CheckpointFolderTest {
 protected:
  void TearDown() override;

  /// A BERT of 20 numbers that reads 24 tokens, with the words a to e.
  Model bert();
  /// The same with the head of a class of Transformers.
  Model with_head(const std::string& architecture, int64_t labels);
  /// The same with the head of a masked language model, for sparse embeddings.
  Model masked();
  /// A LLaMA that writes letters, with a chat template and a context of 400 tokens.
  Model letters();

  /// Adds a model to those that start() serves.
  void add(const std::string& name, const Model& model);
  void start(ServerOptions options = {});
  /// Serves letters() under the name `letters`.
  Model start_letters();

  httplib::Client client() const { return httplib::Client("127.0.0.1", server_->port()); }
  Answer post(const std::string& path, const std::string& body) const;
  Answer post(const std::string& path, const Json& body) const { return post(path, body.dump()); }
  Answer get(const std::string& path) const;

  std::vector<std::string> log() const;
  /// Waits for so many lines: a client may have its answer before the server has logged it.
  void wait_for_log(size_t lines) const;

  std::unique_ptr<Server> server_;
  std::unique_ptr<Models> models_ = std::make_unique<Models>();  // until start()

 private:
  mutable std::mutex log_mutex_;
  std::vector<std::string> log_;
};

}  // namespace lanewise::serve
