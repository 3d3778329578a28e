#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/session.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/hosts/host_process.hpp"

namespace lanewise::hosts {

inline constexpr int kThreads = 4;

inline constexpr bool kAddressSanitizer = kSanitizers.find("address") != std::string_view::npos;

/// One batch long enough for slices, and one that a team processes together.
struct Batch {
  Batch(int32_t sequences, int32_t length) : lengths(static_cast<size_t>(sequences), length) {
    for (int32_t i = 0; i < sequences * length; ++i) ids.push_back(i % 13);
  }
  RaggedBatch ragged() const { return {.ids = ids, .type_ids = {}, .lengths = lengths}; }
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
};

/// Whose threads a session uses.
enum class Threads { kOwn, kOpenMp, kHost };

/// Threads of a host that starts them for each call.
inline void on_new_threads(int count, const std::function<void()>& task) {
  std::vector<std::jthread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(task);
  task();
}

inline SessionOptions options_for(int threads, Threads kind) {
  SessionOptions options;
  options.threads = threads;
  options.use_openmp = kind == Threads::kOpenMp;
  if (kind == Threads::kHost) options.host_threads = on_new_threads;
  return options;
}

inline std::string name_of(const testing::TestParamInfo<Threads>& kind) {
  constexpr std::array kNames{"Own", "OpenMp", "Host"};
  return kNames[static_cast<size_t>(kind.param)];
}

class HostsTest : public converters::CheckpointFolderTest,
                  public testing::WithParamInterface<Threads> {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    write();
    Result<Model> model = load(source_.string());
    ASSERT_TRUE(model.ok()) << model.status().message();
    model_ = std::make_unique<Model>(*model);
  }

  SessionOptions options(int threads = kThreads) const { return options_for(threads, GetParam()); }
  Result<Session> session(int threads) const { return Session::create(*model_, options(threads)); }

  /// The output of a batch; empty for an error.
  static std::vector<float> output(Session& session, const Batch& batch) {
    if (!session.run_ragged(batch.ragged()).ok()) return {};
    const auto rows = session.output("last_hidden_state");
    if (!rows.ok()) return {};
    std::vector<float> values;
    for (int64_t row = 0; row < rows->rows; ++row) {
      values.insert(values.end(), rows->data + row * rows->stride,
                    rows->data + row * rows->stride + rows->features);
    }
    return values;
  }

  /// Empty if `session` gives the bits of a session with one thread, else what is wrong.
  std::string check(Session& session) const {
    Result<Session> alone = Session::create(*model_, options_for(1, Threads::kOwn));
    if (!alone.ok()) return alone.status().message();
    for (const Batch& batch : {Batch(1, 20), Batch(64, 20)}) {
      const std::vector<float> expected = output(*alone, batch);
      const std::vector<float> found = output(session, batch);
      if (expected.empty() || found.size() != expected.size()) return "no output";
      if (std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) != 0) {
        return "other bits";
      }
    }
    return "";
  }

  /// The same for a new session.
  std::string check_new(int threads = kThreads) const {
    Result<Session> made = session(threads);
    return made.ok() ? check(*made) : made.status().message();
  }

  /// The result of `child` in a fork of this host.
  static std::string forked(const std::function<std::string()>& child) {
    const pid_t process = ::fork();
    if (process < 0) return "no process";
    if (process == 0) {
      ::alarm(kMostSeconds);
      ::_exit(child().empty() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(process, &status, 0);
    if (WIFSIGNALED(status)) return "the child ended by signal " + std::to_string(WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? "" : "the child was wrong";
  }

  std::unique_ptr<Model> model_;
};

}  // namespace lanewise::hosts
