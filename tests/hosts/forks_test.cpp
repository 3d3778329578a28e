// Hosts that fork, as servers with worker processes do: before and after runs, and in the middle of
// them. The child gets the right bits, or an error at once.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "lanewise/engine.hpp"
#include "lanewise/generator.hpp"
#include "runtime/exec/process_mutex.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/hosts/hosts_test.hpp"

namespace lanewise::hosts {
namespace {

class ForksTest : public HostsTest {
 protected:
  void SetUp() override {
    if (kAddressSanitizer) {
      GTEST_SKIP() << "its locks do not survive a fork beside a starting thread";
    }
    HostsTest::SetUp();
  }

  /// Empty if `status` says that the object was running during the fork.
  static std::string refused(const Status& status) {
    const bool told = status.code() == StatusCode::kInvalidArgument &&
                      status.message().find("when its process was forked") != std::string::npos;
    return told ? "" : "not refused: " + status.message();
  }
};

INSTANTIATE_TEST_SUITE_P(Threads, ForksTest,
                         testing::Values(Threads::kOwn, Threads::kOpenMp, Threads::kHost), name_of);

TEST_P(ForksTest, ForksAfterARun) {
  EXPECT_TRUE(lives([this] {
    Result<Session> before = session(kThreads);
    if (!before.ok()) return before.status().message();
    std::string wrong = check(*before);
    if (wrong.empty()) wrong = forked([&] { return check(*before); });
    if (wrong.empty()) wrong = forked([&] { return check_new(); });
    // A grandchild, forked from a child that ran a batch itself.
    if (wrong.empty()) {
      wrong = forked([&] {
        const std::string first = check(*before);
        return first.empty() ? forked([&] { return check(*before) + check_new(); }) : first;
      });
    }
    return wrong.empty() ? check(*before) + check_new() : wrong;
  }));
}

TEST_P(ForksTest, ForksBeforeARun) {
  EXPECT_TRUE(lives([this] {
    Result<Session> before = session(kThreads);
    if (!before.ok()) return before.status().message();
    return forked([&] { return check(*before); });
  }));
}

TEST_P(ForksTest, ForksWhileAnotherThreadRuns) {
  EXPECT_TRUE(lives([this] {
    std::atomic<bool> done{false};
    std::string other;
    std::thread busy([&] {
      Result<Session> own = session(kThreads);
      while (other.empty() && !done) other = own.ok() ? check(*own) : own.status().message();
    });
    std::string wrong;
    for (int i = 0; i < 10 && wrong.empty(); ++i) wrong = forked([&] { return check_new(); });
    done = true;
    busy.join();
    return wrong + other;
  }));
}

TEST_P(ForksTest, ForksInTheMiddleOfARun) {
  EXPECT_TRUE(lives([this] {
    // The host's threads are where a run can be interrupted.
    Session* running = nullptr;
    std::string wrong;
    const auto fork_first = [&](int, const std::function<void()>& task) {
      wrong += forked([&] {
        return refused(running->run_ragged(Batch(1, 20).ragged())) +
               refused(running->reserve(10, 1)) + check_new();
      });
      task();
    };
    SessionOptions forking = options_for(kThreads, Threads::kHost);
    forking.host_threads = fork_first;
    Result<Session> made = Session::create(*model_, forking);
    if (!made.ok()) return made.status().message();
    running = &*made;
    return check(*made) + wrong;
  }));
}

/// The same with a decoder, which generates.
class DecoderForksTest : public ForksTest {
 protected:
  void SetUp() override {
    ForksTest::SetUp();
    if (IsSkipped()) return;
    converters::HfCheckpoint checkpoint =
        converters::hf_checkpoint("llama", converters::kHfDecoders);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    write();
    Result<Model> model = load(source_.string());
    ASSERT_TRUE(model.ok()) << model.status().message();
    decoder_ = std::make_unique<Model>(*model);
    options_.max_new_tokens = 6;
    options_.eos_token_ids = {};
  }

  using Ids = std::vector<int32_t>;
  static constexpr std::array<int32_t, 4> kPrompt{1, 5, 3, 7};

  /// The ids that `generator` adds; empty for an error.
  Ids generate(Generator& generator) const {
    const std::vector<Ids> sources{{kPrompt.begin(), kPrompt.end()}};
    const auto results = generator.generate(sources, options_);
    return results.ok() ? results->front().hypotheses.front().ids : Ids();
  }
  Ids generate(Engine& engine) const {
    Ids ids;
    EngineRequest request{.ids = {kPrompt.begin(), kPrompt.end()}, .options = options_};
    request.on_done = [&](const Generation& result) { ids = result.hypotheses.front().ids; };
    if (!engine.submit(std::move(request)).ok()) return {};
    for (Result<bool> more = true; more.ok() && *more;) more = engine.step();
    return ids;
  }

  /// Makes an object before the fork, runs it or not, and compares its results in the child and its
  /// child with those of the parent.
  template <typename Made>
  std::string forked_with(Result<Made> made, const Ids& expected, bool run_before) {
    if (!made.ok()) return made.status().message();
    const auto same = [&] { return std::string(generate(*made) == expected ? "" : "other ids"); };
    std::string wrong = run_before ? same() : "";
    wrong += forked([&] { return same() + forked(same); });
    return wrong + same();
  }

  std::unique_ptr<Model> decoder_;
  GenerationOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Threads, DecoderForksTest,
                         testing::Values(Threads::kOwn, Threads::kOpenMp, Threads::kHost), name_of);

TEST_P(DecoderForksTest, ForksBeforeAndAfterARun) {
  EXPECT_TRUE(lives([this] {
    Result<Generator> alone = Generator::create(*decoder_, options_for(1, Threads::kOwn));
    if (!alone.ok()) return alone.status().message();
    const Ids expected = generate(*alone);
    if (expected.size() != 6) return std::string("nothing generated");
    std::string wrong;
    for (const bool run_before : {false, true}) {
      wrong += forked_with(Generator::create(*decoder_, options()), expected, run_before);
      wrong += forked_with(Engine::create(*decoder_, {.session = options()}), expected, run_before);
    }
    return wrong;
  }));
}

TEST_P(DecoderForksTest, ForksInTheMiddleOfARun) {
  EXPECT_TRUE(lives([this] {
    Result<Generator> generator = Generator::create(*decoder_, options());
    Result<Engine> engine = Engine::create(*decoder_, {.session = options()});
    if (!generator.ok() || !engine.ok()) return std::string("nothing created");
    const std::vector<Ids> sources{{kPrompt.begin(), kPrompt.end()}};
    std::string wrong = "no callback";
    const GenerationCallbacks fork_in_generate{.on_token = [&](int64_t, int32_t) {
      wrong = forked([&] { return refused(generator->generate(sources, options_).status()); });
      return false;
    }};
    if (!generator->generate(sources, options_, fork_in_generate).ok()) return std::string("error");
    if (!wrong.empty()) return wrong;
    EngineRequest request{.ids = sources.front(), .options = options_};
    request.on_token = [&](int32_t) {
      wrong += forked([&] { return refused(engine->step().status()); });
      return false;
    };
    if (!engine->submit(std::move(request)).ok() || !engine->step().ok()) wrong += "error";
    return wrong;
  }));
}

TEST(ProcessMutexTest, IsFreeInAChildOfAProcessThatHoldsIt) {
  exec::ProcessMutex mutex;
  mutex.lock();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kMostSeconds);
    mutex.lock();  // would wait for a thread of the parent
    mutex.unlock();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  std::atomic<bool> entered{false};
  std::thread other([&] {
    mutex.lock();
    entered = true;
    mutex.unlock();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(entered) << "the parent still holds it";
  mutex.unlock();
  other.join();
}

}  // namespace
}  // namespace lanewise::hosts
