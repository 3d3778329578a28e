#include "tests/hosts/host_process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace lanewise::hosts {
namespace {

// Set in the host program.
constexpr const char* kIsHost = "LANEWISE_TEST_HOST";

/// The full name of the running test, with its parameter.
std::string this_test() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  return std::string(test.test_suite_name()) + "." + test.name();
}

[[noreturn]] void begin_anew(const std::string& test, std::string setting) {
  ::setenv(kIsHost, "1", 1);
  if (!setting.empty()) ::putenv(setting.data());
  const std::string filter = "--gtest_filter=" + test;
  ::execl("/proc/self/exe", "hosts", filter.c_str(), "--gtest_brief=1", nullptr);
  ::_exit(127);
}

testing::AssertionResult outcome(const std::string& wrong) {
  if (wrong.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << wrong;
}

}  // namespace

testing::AssertionResult passes(const std::string& test, const std::string& setting) {
  const pid_t child = ::fork();
  if (child == 0) begin_anew(test, setting);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return outcome("no process");
  if (!WIFSIGNALED(status)) return outcome(WEXITSTATUS(status) == 0 ? "" : "it was wrong");
  const int signal = WTERMSIG(status);
  return outcome(signal == SIGALRM ? "it hung" : "it died of signal " + std::to_string(signal));
}

testing::AssertionResult lives(const std::function<std::string()>& host) {
  if (std::getenv(kIsHost) == nullptr) return passes(this_test(), "");
  ::alarm(kMostSeconds);
  const std::string wrong = host();
  ::alarm(0);
  return outcome(wrong);
}

}  // namespace lanewise::hosts
