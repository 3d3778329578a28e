// SIGINT and SIGTERM end every command within a second; a second signal ends it at once.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// A command that is busy, or waits for its input.
class Running {
 public:
  explicit Running(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::getenv("LANEWISE_PROGRAM"));
    std::array<int, 2> in{}, err{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(err[1]);
    in_ = in[1];
    err_ = err[0];
  }
  ~Running() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    ::close(in_);
    ::close(err_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void send(int signal) const { ::kill(process_, signal); }

  bool ended() {
    if (process_ <= 0) return true;
    int status = 0;
    if (::waitpid(process_, &status, WNOHANG) != process_) return false;
    process_ = 0;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }

  /// The exit status, or -1 if the command takes longer.
  int wait(std::chrono::milliseconds most) {
    for (const auto end = Clock::now() + most; !ended();) {
      if (Clock::now() > end) return -1;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return code_;
  }

  /// Waits until the command handles SIGINT: bit 1 of SigCgt in /proc/PID/status.
  bool wait_until_it_catches_signals() {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (!ended() && Clock::now() < end) {
      std::ifstream status("/proc/" + std::to_string(process_) + "/status");
      for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("SigCgt:")) continue;
        if ((std::strtoull(line.c_str() + 7, nullptr, 16) & (1ULL << (SIGINT - 1))) != 0)
          return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

 private:
  pid_t process_ = 0;
  int in_ = -1;
  int err_ = -1;
  int code_ = -1;
};

// A second, plus what a busy machine takes to schedule the process.
constexpr std::chrono::milliseconds kInterruptPatience{1500};

class InterruptTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    std::string text;
    while (text.size() < 60'000'000) text += "alpha beta ";
    std::ofstream(out_path("one_text"), std::ios::binary) << text;
  }

  /// Commands that run longer than the test, named by what keeps them busy.
  std::vector<std::vector<std::string>> commands() {
    const std::string text = out_path("one_text");
    return {{"embed", model(), "--input", "-"},
            {"tokenize", model(), "--input", "-"},
            {"tokenize", model(), "--input", text},  // a single text
            {"bench", model(), "--seconds", "100", "--batch", "64"},
            {"bench", model(), "--seconds", "100", "--load", "1"}};
  }
};

TEST_F(InterruptTest, EndsEveryCommandWithinASecond) {
  for (const std::vector<std::string>& command : commands()) {
    for (const int signal : {SIGINT, SIGTERM}) {
      SCOPED_TRACE(command[0] + " " + command.back() + ", signal " + std::to_string(signal));
      Running running(command);
      ASSERT_TRUE(running.wait_until_it_catches_signals());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      running.send(signal);
      EXPECT_EQ(running.wait(kInterruptPatience), 128 + signal);
    }
  }
}

TEST_F(InterruptTest, EndsAtOnceAtTheSecondSignal) {
  Running running({"tokenize", model(), "--input", out_path("one_text")});
  ASSERT_TRUE(running.wait_until_it_catches_signals());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // in the middle of the text
  running.send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  running.send(SIGINT);
  EXPECT_EQ(running.wait(std::chrono::milliseconds(400)), 128 + SIGINT);
}

}  // namespace
}  // namespace lanewise::cli
