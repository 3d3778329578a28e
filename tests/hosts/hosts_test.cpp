// What host programs do to the library: own teams, limits, signals. Each test runs in its own
// process, and must get the right bits or an error in time.

#include "tests/hosts/hosts_test.hpp"

#include <grp.h>
#include <omp.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>

namespace lanewise::hosts {
namespace {

/// Calls work(i) on each thread of a parallel region of the host.
template <typename Work>
void in_region(int threads, const Work& work) {
#pragma omp parallel num_threads(threads)
  work(omp_get_thread_num());
}

INSTANTIATE_TEST_SUITE_P(Threads, HostsTest,
                         testing::Values(Threads::kOwn, Threads::kOpenMp, Threads::kHost), name_of);

TEST_P(HostsTest, CallsFromItsOwnParallelRegion) {
  EXPECT_TRUE(lives([this] {
    std::array<std::string, kThreads> wrong;
    in_region(kThreads, [&](int thread) {
      std::string& mine = wrong[static_cast<size_t>(thread)];
      for (int i = 0; i < 5 && mine.empty(); ++i) mine = check_new();
    });
    for (const std::string& text : wrong) {
      if (!text.empty()) return text;
    }
    return check_new();
  }));
}

TEST_P(HostsTest, NestsItsParallelRegions) {
  EXPECT_TRUE(lives([this] {
    omp_set_max_active_levels(3);
    std::atomic<int> wrong{0};
    in_region(2, [&](int) { in_region(2, [&](int) { wrong += check_new().empty() ? 0 : 1; }); });
    return wrong == 0 ? std::string() : "wrong in a nested region";
  }));
}

TEST_P(HostsTest, AllowsNoParallelRegion) {
  EXPECT_TRUE(lives([this] {
    omp_set_max_active_levels(0);
    return check_new();
  }));
}

TEST_P(HostsTest, LetsOpenMpChooseItsTeams) {
  EXPECT_TRUE(lives([this] {
    omp_set_dynamic(1);
    omp_set_num_threads(1);
    return check_new(64);
  }));
}

TEST_P(HostsTest, SetsOpenMpsEnvironment) {
  const std::string test =
      "Threads/HostsTest.HandsASessionToAnotherThread/" + name_of({GetParam(), 0});
  for (const char* setting :
       {"OMP_THREAD_LIMIT=1", "OMP_THREAD_LIMIT=3", "OMP_DYNAMIC=true", "OMP_MAX_ACTIVE_LEVELS=0",
        "OMP_NUM_THREADS=1", "OMP_NESTED=true", "OMP_WAIT_POLICY=active", "OMP_PROC_BIND=true"}) {
    EXPECT_TRUE(passes(test, setting)) << setting;
  }
}

TEST_P(HostsTest, HasSixteenThreadsWithASessionEach) {
  EXPECT_TRUE(lives([this] {
    std::array<std::string, 16> wrong;
    std::vector<std::thread> threads;
    for (std::string& mine : wrong) {
      threads.emplace_back([&] {
        Result<Session> own = session(2);
        mine = own.ok() ? check(*own) : own.status().message();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& text : wrong) {
      if (!text.empty()) return text;
    }
    return std::string();
  }));
}

TEST_P(HostsTest, HandsASessionToAnotherThread) {
  EXPECT_TRUE(lives([this] {
    Result<Session> made = session(kThreads);
    if (!made.ok()) return made.status().message();
    std::string wrong = check(*made);
    std::thread other([&] { wrong += check(*made); });
    other.join();
    return wrong + check(*made);
  }));
}

TEST_P(HostsTest, ShortensAModelFileThatWasRead) {
  ASSERT_TRUE(convert_folder().ok());
  EXPECT_TRUE(lives([this] {
    const Result<Model> read = Model::open(destination(), {.read_into_memory = true});
    if (!read.ok()) return read.status().message();
    std::filesystem::resize_file(destination(), 0);
    Result<Session> made = Session::create(*read, options());
    return made.ok() ? check(*made) : made.status().message();
  }));
}

/// The limit counts a user's processes, but does not apply to root. Running threads stay.
void allow_no_more_threads() {
  const rlimit none{1, 1};
  ::setrlimit(RLIMIT_NPROC, &none);
  if (::geteuid() != 0) return;
  constexpr uid_t kNobody = 65534;
  ::setgroups(0, nullptr);
  if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(1);
}

/// OpenMP would end the process here, as SessionOptions::use_openmp documents.
using OwnThreadsTest = HostsTest;
INSTANTIATE_TEST_SUITE_P(Threads, OwnThreadsTest, testing::Values(Threads::kOwn), name_of);

TEST_P(OwnThreadsTest, GetsNoMoreThreads) {
  EXPECT_TRUE(lives([this] {
    // In a child, because it cannot be undone.
    return forked([this] {
      allow_no_more_threads();
      std::vector<std::string> log;
      SessionOptions logged = options();
      logged.log = [&](std::string_view line) { log.emplace_back(line); };
      Result<Session> made = Session::create(*model_, logged);
      if (!made.ok()) return made.status().message();
      const bool told = std::ranges::any_of(
          log, [](const std::string& line) { return line.starts_with("threads: 1 of 4"); });
      return check(*made) + (told ? "" : "nothing in the log");
    });
  }));
}

TEST_P(OwnThreadsTest, TakesThreadsAwayAfterAFork) {
  if (kAddressSanitizer) GTEST_SKIP() << "its locks do not survive a fork beside a starting thread";
  EXPECT_TRUE(lives([this] {
    Result<Session> made = session(kThreads);
    if (!made.ok()) return made.status().message();
    return check(*made) + forked([&] {
             allow_no_more_threads();
             return check(*made);
           });
  }));
}

std::atomic<pid_t> g_handled_by{0};

TEST_P(OwnThreadsTest, HandlesSignalsOnItsOwnThreads) {
  EXPECT_TRUE(lives([this] {
    struct sigaction action = {};
    action.sa_handler = [](int) { g_handled_by = ::gettid(); };
    ::sigaction(SIGUSR1, &action, nullptr);
    Result<Session> made = session(kThreads);
    if (!made.ok()) return made.status().message();
    for (int i = 0; i < 20; ++i) {
      ::kill(::getpid(), SIGUSR1);
      if (const std::string wrong = check(*made); !wrong.empty()) return wrong;
      if (g_handled_by != ::getpid())
        return std::string("a handler ran on a thread of the library");
    }
    return std::string();
  }));
}

TEST_P(OwnThreadsTest, HasNoThreadLeftWhenSessionsAreGone) {
  EXPECT_TRUE(lives([this] {
    if (const std::string wrong = check_new(); !wrong.empty()) return wrong;
    const auto threads = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
    return threads == 1 ? std::string() : std::to_string(threads) + " threads";
  }));
}

TEST_P(OwnThreadsTest, ExitsWithASessionAlive) {
  EXPECT_TRUE(lives([this] {
    return forked([this] {
      static std::unique_ptr<Session> kept;
      Result<Session> made = session(kThreads);
      if (!made.ok()) return made.status().message();
      kept = std::make_unique<Session>(std::move(*made));
      if (const std::string wrong = check(*kept); !wrong.empty()) return wrong;
      std::exit(0);
    });
  }));
}

}  // namespace
}  // namespace lanewise::hosts
