#include "tests/serve/serving.hpp"

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/converters/hf_checkpoint.hpp"
#include "tests/test_data.hpp"

namespace lanewise::serve {

testing::AssertionResult is_refused(const Answer& answer, int status,
                                    const std::vector<std::string>& parts) {
  const Json json = answer.json();
  std::string message;
  if (json.is_object() && json.contains("error")) {
    const Json& error = json["error"];
    message = error.is_object() ? error.value("message", "") : json.value("error", "");
  }
  bool good = answer.status == status && !message.empty();
  for (const std::string& part : parts) good = good && message.find(part) != std::string::npos;
  return (good ? testing::AssertionSuccess() : testing::AssertionFailure())
         << "status " << answer.status << ": " << answer.body;
}

void ServingTest::TearDown() {
  server_.reset();
  models_.reset();
  CheckpointFolderTest::TearDown();
}

Model ServingTest::bert() {
  write_all();
  return loaded();
}

Model ServingTest::with_head(const std::string& architecture, int64_t labels) {
  add_head(architecture, "classifier", labels);
  write_all();
  return loaded();
}

Model ServingTest::masked() {
  add_masked_head();
  write_all();
  return loaded();
}

Model ServingTest::letters() {
  converters::HfCheckpoint checkpoint = converters::hf_checkpoint("llama", converters::kHfDecoders);
  config_ = std::move(checkpoint.config);
  config_["max_position_embeddings"] = "400";
  tensors_ = std::move(checkpoint.tensors);
  std::ifstream in(test_data_folder() + "/chat/folders.json");
  for (const auto& one : nlohmann::ordered_json::parse(in, nullptr, false)) {
    if (one["name"] != "setting") continue;
    for (const auto& [file, contents] : one["files"].items()) {
      put(file, contents.is_string() ? contents.get<std::string>() : contents.dump());
    }
  }
  write();
  return loaded();
}

void ServingTest::add(const std::string& name, const Model& model) {
  const Status status = models_->add(name, model, kOneThread, Limits());
  ASSERT_TRUE(status.ok()) << status.message();
}

Model ServingTest::start_letters() {
  Model model = letters();
  add("letters", model);
  start();
  return model;
}

void ServingTest::start(ServerOptions options) {
  options.port = 0;
  options.log = [this](std::string_view line) {
    const std::lock_guard lock(log_mutex_);
    log_.emplace_back(line);
  };
  server_ = expect_ok(Server::start(std::move(models_), std::move(options)));
}

Answer ServingTest::post(const std::string& path, const std::string& body) const {
  const auto result = client().Post(path, body, "application/json");
  if (!result) return {.status = -1, .body = to_string(result.error())};
  return {.status = result->status, .body = result->body, .headers = result->headers};
}

Answer ServingTest::get(const std::string& path) const {
  const auto result = client().Get(path);
  if (!result) return {.status = -1, .body = to_string(result.error())};
  return {.status = result->status, .body = result->body, .headers = result->headers};
}

void ServingTest::wait_for_log(size_t lines) const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (log().size() < lines && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::vector<std::string> ServingTest::log() const {
  const std::lock_guard lock(log_mutex_);
  return log_;
}

}  // namespace lanewise::serve
