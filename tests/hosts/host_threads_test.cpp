// Hosts that bring their own threads, and what sessions cost that do nothing.

#include <sys/resource.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <latch>
#include <mutex>
#include <stdexcept>

#include "tests/hosts/hosts_test.hpp"

namespace lanewise::hosts {
namespace {

/// A plain pool, as programs have one.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void run(int count, const std::function<void()>& task) {
    std::latch done(count);
    {
      const std::lock_guard lock(mutex_);
      for (int i = 0; i < count; ++i) {
        jobs_.emplace_back([&] {
          task();
          done.count_down();
        });
      }
    }
    changed_.notify_all();
    done.wait();
  }

 private:
  void serve() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ends_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

std::ptrdiff_t threads_of_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

class HostThreadsTest : public HostsTest {
 protected:
  /// Empty if a session on `host` gives the right bits.
  std::string check_on(const HostThreads& host) const {
    SessionOptions on_host = options_for(kThreads, Threads::kHost);
    on_host.host_threads = host;
    Result<Session> made = Session::create(*model_, on_host);
    return made.ok() ? check(*made) : made.status().message();
  }
};
INSTANTIATE_TEST_SUITE_P(Threads, HostThreadsTest, testing::Values(Threads::kHost), name_of);

TEST_P(HostThreadsTest, AreAPool) {
  EXPECT_TRUE(lives([this] {
    constexpr int kPool = 3;
    Pool pool(kPool);
    std::atomic<int> calls{0};
    std::ptrdiff_t most = 0;
    const std::string wrong = check_on([&](int count, const std::function<void()>& task) {
      calls += count;
      pool.run(count, task);
      most = std::max(most, threads_of_process());
    });
    if (!wrong.empty()) return wrong;
    if (calls != 2 * kThreads) return std::to_string(calls) + " calls";  // for two batches
    return most == 1 + kPool ? "" : std::to_string(most) + " threads";
  }));
}

TEST_P(HostThreadsTest, ServeSessionsOfSeveralThreads) {
  EXPECT_TRUE(lives([this] {
    Pool pool(2);  // fewer than a session asks for
    std::array<std::string, 4> wrong;
    {
      std::vector<std::jthread> callers;
      for (std::string& mine : wrong) {
        callers.emplace_back([&] {
          mine = check_on(
              [&](int count, const std::function<void()>& task) { pool.run(count, task); });
        });
      }
    }
    return wrong[0] + wrong[1] + wrong[2] + wrong[3];
  }));
}

TEST_P(HostThreadsTest, NeedNotRunAtTheSameTimeOrAtAll) {
  EXPECT_TRUE(lives([this] {
    const auto one_after_another = [](int count, const std::function<void()>& task) {
      for (int i = 0; i < count; ++i) task();
    };
    const auto too_often = [](int count, const std::function<void()>& task) {
      on_new_threads(2 * count, task);
    };
    const auto never = [](int, const std::function<void()>&) {};
    return check_on(one_after_another) + check_on(too_often) + check_on(never);
  }));
}

TEST_P(HostThreadsTest, ThatFailEndARun) {
  EXPECT_TRUE(lives([this] {
    bool fails = true;
    SessionOptions failing = options();
    failing.host_threads = [&](int count, const std::function<void()>& task) {
      if (fails) throw std::runtime_error("the pool is closed");
      on_new_threads(count, task);
    };
    Result<Session> made = Session::create(*model_, failing);
    if (!made.ok()) return made.status().message();
    const Status status = made->run_ragged(Batch(1, 20).ragged());
    fails = false;
    const bool told = status.code() == StatusCode::kInternal &&
                      status.message().find("the pool is closed") != std::string::npos;
    return told ? check(*made) : "not told: " + status.message();
  }));
}

TEST_P(HostThreadsTest, AndOpenMpExcludeEachOther) {
  SessionOptions both = options();
  both.use_openmp = true;
  EXPECT_EQ(Session::create(*model_, both).status().code(), StatusCode::kInvalidArgument);
}

double cpu_seconds() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class IdleTest : public HostsTest {};
INSTANTIATE_TEST_SUITE_P(Threads, IdleTest, testing::Values(Threads::kOwn), name_of);

/// A thread that spins would use as much CPU time as passes, or a sixteenth of it per session where
/// one core is left for all.
TEST_P(IdleTest, SessionsUseNoCpu) {
  EXPECT_TRUE(lives([this] {
    std::vector<Session> sessions;
    for (int i = 0; i < 16; ++i) {
      Result<Session> made = session(2);
      if (!made.ok() || !made->run_ragged(Batch(1, 20).ragged()).ok()) return std::string("error");
      sessions.push_back(std::move(*made));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // they spin for 0.2 ms
    const double before = cpu_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    const double used = cpu_seconds() - before;
    return used < 0.01 ? "" : std::to_string(used) + " seconds";
  }));
}

}  // namespace
}  // namespace lanewise::hosts
