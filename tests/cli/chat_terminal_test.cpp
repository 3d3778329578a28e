// `lanewise chat` at a terminal: it asks, and SIGINT (Ctrl-C) ends an answer.

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/cli/letters_model.hpp"

namespace lanewise::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kChatTerminalPatience{20};

/// A program whose stdin is a terminal; stdout and stderr are pipes.
class AtTerminal {
 public:
  explicit AtTerminal(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::getenv("LANEWISE_PROGRAM"));
    terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal_ < 0 || ::grantpt(terminal_) != 0 || ::unlockpt(terminal_) != 0) return;
    const int in = ::open(::ptsname(terminal_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    std::array<int, 2> out_ends{}, err_ends{};
    if (::pipe2(out_ends.data(), O_CLOEXEC) != 0 || ::pipe2(err_ends.data(), O_CLOEXEC) != 0)
      return;
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(in, STDIN_FILENO);
      ::dup2(out_ends[1], STDOUT_FILENO);
      ::dup2(err_ends[1], STDERR_FILENO);
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    for (const int descriptor : {in, out_ends[1], err_ends[1]}) ::close(descriptor);
    out_ = out_ends[0];
    err_ = err_ends[0];
  }
  ~AtTerminal() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    for (const int descriptor : {terminal_, out_, err_}) ::close(descriptor);
  }
  AtTerminal(const AtTerminal&) = delete;
  AtTerminal& operator=(const AtTerminal&) = delete;

  void type(const std::string& text) const {
    EXPECT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void send(int signal) const { ::kill(process_, signal); }

  /// Reads stderr until it ends with `text`, and what stdout has meanwhile.
  testing::AssertionResult says(const std::string& text) {
    const auto end = Clock::now() + kChatTerminalPatience;
    while (Clock::now() < end && !err.ends_with(text)) {
      std::array<pollfd, 2> events = {pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
      ::poll(events.data(), events.size(), 100);
      read(events[0], &out);
      read(events[1], &err);
    }
    return (err.ends_with(text) ? testing::AssertionSuccess() : testing::AssertionFailure())
           << "stdout: " << out << "\nstderr: " << err;
  }

  /// Waits until stdout has at least so many bytes.
  bool writes(size_t bytes) {
    const auto end = Clock::now() + kChatTerminalPatience;
    while (Clock::now() < end && out.size() < bytes) {
      pollfd event{out_, POLLIN, 0};
      ::poll(&event, 1, 100);
      read(event, &out);
    }
    return out.size() >= bytes;
  }

  /// The exit status.
  int wait() {
    int status = -1;
    const auto end = Clock::now() + kChatTerminalPatience;
    while (Clock::now() < end && ::waitpid(process_, &status, WNOHANG) != process_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string out;
  std::string err;

 private:
  static void read(const pollfd& event, std::string* text) {
    std::array<char, 4096> buffer{};
    if ((event.revents & POLLIN) == 0) return;
    const ssize_t count = ::read(event.fd, buffer.data(), buffer.size());
    if (count > 0) text->append(buffer.data(), static_cast<size_t>(count));
  }

  pid_t process_ = 0;
  int terminal_ = -1;
  int out_ = -1;
  int err_ = -1;
};

class ChatTerminalTest : public LettersTest {
 protected:
  void SetUp() override {
    LettersTest::SetUp();
    config_["max_position_embeddings"] = "100000";
    write();
  }

  /// Answers that end after `tokens`, not before.
  std::vector<std::string> arguments(int tokens) const {
    return {"chat",
            source_.string(),
            "--max-new-tokens",
            std::to_string(tokens),
            "--min-new-tokens",
            std::to_string(tokens)};
  }
};

TEST_F(ChatTerminalTest, AsksAndAnswers) {
  AtTerminal chat(arguments(5));
  ASSERT_TRUE(chat.says("> "));
  chat.type("hi\n");
  ASSERT_TRUE(chat.says("maximum length\n> "));
  const std::string first = chat.out;
  EXPECT_TRUE(first.ends_with("\n"));
  chat.type("/reset\n");
  ASSERT_TRUE(chat.says("> > "));
  chat.type("hi\n");
  ASSERT_TRUE(chat.says("maximum length\n> "));
  EXPECT_EQ(chat.out, first + first) << "the conversation before is forgotten";
  chat.type("/exit\n");
  EXPECT_EQ(chat.wait(), 0);
}

TEST_F(ChatTerminalTest, AnInterruptEndsTheAnswerAndThenTheProgram) {
  AtTerminal chat(arguments(90000));
  ASSERT_TRUE(chat.says("> "));
  for (int answer = 0; answer < 2; ++answer) {
    const size_t before = chat.out.size();
    chat.type("hi\n");
    ASSERT_TRUE(chat.writes(before + 20));
    chat.send(SIGINT);
    ASSERT_TRUE(chat.says("> > "));
    chat.err = "> ";
  }
  chat.send(SIGINT);
  EXPECT_EQ(chat.wait(), 0) << "at the prompt it ends the program";
}

TEST_F(ChatTerminalTest, ATerminationIsNoEndOfAnAnswer) {
  AtTerminal chat(arguments(90000));
  ASSERT_TRUE(chat.says("> "));
  chat.type("hi\n");
  ASSERT_TRUE(chat.writes(20));
  chat.send(SIGTERM);
  EXPECT_EQ(chat.wait(), 128 + SIGTERM);
}

TEST_F(ChatTerminalTest, AnErrorTakesTheMessageBack) {
  put("chat_template.jinja",
      "{% for m in messages %}{% if 'bad' in m.content %}{{ raise_exception('not this') }}"
      "{% endif %}{{ m.content }}{% endfor %}");
  AtTerminal chat(arguments(5));
  ASSERT_TRUE(chat.says("> "));
  chat.type("bad\n");
  ASSERT_TRUE(chat.says("not this\n> "));
  chat.type("hi\n");
  ASSERT_TRUE(chat.says("maximum length\n> "));
  chat.type("\x04");  // Ctrl-D
  EXPECT_EQ(chat.wait(), 0);
}

}  // namespace
}  // namespace lanewise::cli
