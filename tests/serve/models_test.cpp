// Models that are opened at their first request, and again when their files have changed.

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "lanewise/embedder.hpp"
#include "serve/file_stamps.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

class ModelFiles : public ServingTest {
 protected:
  /// The folder of the test's checkpoint, counting how often it is opened.
  ModelSource folder(const std::string& name) {
    return {.name = name,
            .path = source_.string(),
            .open =
                [this] {
                  opened_.fetch_add(1);
                  return load(source_.string());
                },
            .on_failure =
                [this](const Status& status) {
                  const std::lock_guard lock(mutex_);
                  failures_.push_back(status.message());
                }};
  }
  /// Whether the last failure names `part`.
  bool failed_for(const std::string& part) {
    const std::lock_guard lock(mutex_);
    return !failures_.empty() && failures_.back().find(part) != std::string::npos;
  }
  void add_folder(const std::string& name, bool on_use) {
    const Status status = models_->add(folder(name), kOneThread, Limits(), on_use);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  Answer embed() const { return post("/embed", {{"inputs", "a"}, {"normalize", false}}); }
  /// Another model in the same folder.
  void replace() {
    const std::string name = "embeddings.word_embeddings.weight";
    set_tensor(name, {kVocabulary, kHidden});
    write();
  }
  /// What the folder's model says about the text of embed().
  std::string expected() {
    Embedder embedder = expect_ok(Embedder::create(expect_ok(load(source_.string())), kOneThread));
    const std::vector<std::string_view> texts{"a"};
    const Embeddings found = expect_ok(embedder.embed(texts));
    return Json(std::vector<float>(found[0].begin(), found[0].end())).dump();
  }
  static std::string vector_of(const Answer& answer) {
    return Json(answer.json()[0].get<std::vector<float>>()).dump();
  }

  std::atomic<int> opened_{0};

 private:
  std::mutex mutex_;
  std::vector<std::string> failures_;
};

TEST_F(ModelFiles, AreOpenedAtTheirFirstRequest) {
  add_folder("late", /*on_use=*/true);
  start();
  EXPECT_EQ(get("/v1/models").json()["data"][0]["id"], "late");
  EXPECT_EQ(get("/metrics").status, 200);
  EXPECT_EQ(opened_.load(), 0);
  // Not there yet: this is not the end of the server.
  for (const char* path : {"/embed", "/tokenize"}) {
    const Answer answer = post(path, {{"inputs", "a"}});
    EXPECT_TRUE(is_refused(answer, 503, {"'late' cannot be opened"}));
    // Clients need not know where a server keeps its files.
    EXPECT_EQ(answer.body.find(source_.string()), std::string::npos) << answer.body;
    EXPECT_TRUE(failed_for(source_.string()));
    EXPECT_EQ(answer.headers.count("Retry-After"), 1U);
  }
  EXPECT_TRUE(is_refused(post("/v1/embeddings", {{"input", "a"}}), 503, {"'late'"}));
  EXPECT_EQ(get("/health").status, 200);
  write_all();
  EXPECT_EQ(vector_of(embed()), expected());
  const int opened = opened_.load();
  EXPECT_EQ(embed().status, 200);
  EXPECT_EQ(opened_.load(), opened);
}

TEST_F(ModelFiles, MayBeDamaged) {
  write_all();
  put("model.safetensors", "nothing of the kind");
  add_folder("broken", /*on_use=*/true);
  start();
  EXPECT_TRUE(is_refused(embed(), 503, {"'broken' cannot be opened"}));
  EXPECT_TRUE(failed_for("model.safetensors"));
  write_all();
  EXPECT_EQ(embed().status, 200);
}

TEST_F(ModelFiles, ThatCannotBeOpenedDoNotHideOthers) {
  const Model good = bert();
  std::filesystem::remove(path("config.json"));
  add_folder("broken", /*on_use=*/true);
  add("good", good);
  start();
  EXPECT_EQ(embed().status, 200);
  // What the other one cannot: the first might.
  EXPECT_TRUE(is_refused(post("/predict", {{"inputs", "a"}}), 503, {"'broken'"}));
}

TEST_F(ModelFiles, AreOpenedOnceForManyClients) {
  write_all();
  add_folder("late", /*on_use=*/true);
  start();
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] { answered.fetch_add(embed().status == 200 ? 1 : 0); });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered.load(), 8);
  EXPECT_EQ(opened_.load(), 1);
}

TEST_F(ModelFiles, AreOpenedAgainOnceTheyHaveChanged) {
  write_all();
  add_folder("tiny", /*on_use=*/false);
  start();
  const std::string first = vector_of(embed());
  EXPECT_EQ(first, expected());
  EXPECT_TRUE(server_->renew_models().empty());
  EXPECT_EQ(opened_.load(), 1);

  replace();
  EXPECT_EQ(vector_of(embed()), first);
  const std::vector<Server::Renewal> renewals = server_->renew_models();
  ASSERT_EQ(renewals.size(), 1U);
  EXPECT_EQ(renewals[0].name, "tiny");
  EXPECT_TRUE(renewals[0].status.ok()) << renewals[0].status.message();
  const std::string second = vector_of(embed());
  EXPECT_NE(second, first);
  EXPECT_EQ(second, expected());

  put("model.safetensors", "nothing of the kind");
  for (int i = 0; i < 2; ++i) {  // still changed, and still damaged
    const std::vector<Server::Renewal> failed = server_->renew_models();
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_NE(failed[0].status.message().find("model.safetensors"), std::string::npos);
    EXPECT_EQ(vector_of(embed()), second);
  }
  write();
  EXPECT_EQ(server_->renew_models().size(), 1U);
  EXPECT_EQ(vector_of(embed()), second);
}

TEST_F(ModelFiles, ThatHaveNotBeenUsedAreNotOpenedAgain) {
  write_all();
  add_folder("late", /*on_use=*/true);
  start();
  replace();
  EXPECT_TRUE(server_->renew_models().empty());
  EXPECT_EQ(opened_.load(), 0);
}

TEST_F(ModelFiles, AreKeptByTheRequestsThatRun) {
  write_all();
  const ModelSource source = folder("tiny");
  ModelSlot slot(source, kOneThread, Limits());
  TestExchange exchange;
  std::shared_ptr<ServedModel> old = expect_ok(slot.get(exchange));
  const std::weak_ptr<ServedModel> watched = old;
  replace();
  EXPECT_EQ(expect_ok(slot.renew()), ModelSlot::Change::kReplaced);
  EXPECT_NE(expect_ok(slot.get(exchange)), old);
  EXPECT_EQ(expect_ok(old->texts().embed({"a"}, {}, {}, exchange)).size(), 1U);
  old.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ModelFiles, AreAwaitedNoLongerThanTheClientWaits) {
  std::mutex mutex;
  std::condition_variable changed;
  bool opening = false;
  bool open = false;
  write_all();
  const ModelSource slow{.name = "slow", .path = "", .open = [&] {
                           std::unique_lock lock(mutex);
                           opening = true;
                           changed.notify_all();
                           changed.wait(lock, [&] { return open; });
                           return load(source_.string());
                         }};
  ModelSlot slot(slow, kOneThread, Limits());
  std::thread first([&] {
    TestExchange exchange;
    EXPECT_TRUE(slot.get(exchange).ok());
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return opening; });
  }
  TestExchange gone;
  gone.gone.store(true);
  EXPECT_EQ(slot.get(gone).status().code(), StatusCode::kCancelled);
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  first.join();
}

TEST_F(ModelFiles, HaveStamps) {
  EXPECT_TRUE(file_stamps(path("none")).empty());
  write_all();
  const std::vector<FileStamp> before = file_stamps(source_.string());
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(file_stamps(source_.string()), before);
  EXPECT_EQ(file_stamps(path("config.json")).size(), 1U);
  // The same size and time, as a copy that keeps them: another file nevertheless.
  const std::filesystem::path config = path("config.json");
  const std::filesystem::path copy = path("copy");
  std::filesystem::copy_file(config, copy);
  std::filesystem::last_write_time(copy, std::filesystem::last_write_time(config));
  std::filesystem::rename(copy, config);
  EXPECT_NE(file_stamps(source_.string()), before);
  std::filesystem::create_directory(path("1_Pooling"));
  put("1_Pooling/config.json", "{}");
  EXPECT_EQ(file_stamps(source_.string()).size(), 4U);
}

}  // namespace
}  // namespace lanewise::serve
