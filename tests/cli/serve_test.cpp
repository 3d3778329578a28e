#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

/// `lanewise serve`, and what it has written to stderr.
class ServingProgram {
 public:
  explicit ServingProgram(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {std::getenv("LANEWISE_PROGRAM"), "serve", "--port", "0"});
    std::array<int, 2> err{};
    if (::pipe2(err.data(), O_CLOEXEC) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(err[1], STDERR_FILENO);
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    ::close(err[1]);
    err_ = err[0];
    read_until("listening on http://127.0.0.1:");
    const size_t colon = log_.rfind(':');
    port_ = colon == std::string::npos ? 0 : std::atoi(log_.c_str() + colon + 1);
  }
  ~ServingProgram() {
    if (process_ > 0) end(SIGKILL);
    ::close(err_);
  }
  ServingProgram(const ServingProgram&) = delete;
  ServingProgram& operator=(const ServingProgram&) = delete;

  /// The status and the rest of the answer; 0 if there is none.
  int ask(const std::string& request, std::string& answer) const {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    answer.clear();
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      static_cast<void>(::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL));
      std::array<char, 4096> bytes;
      for (ssize_t count = 1; count > 0;) {
        count = ::recv(descriptor, bytes.data(), bytes.size(), 0);
        if (count > 0) answer.append(bytes.data(), static_cast<size_t>(count));
      }
    }
    ::close(descriptor);
    return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
  }

  /// The exit status after a signal, with all of stderr read.
  int end(int signal) {
    ::kill(process_, signal);
    read_until("\x01");  // never there: until the end
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  /// Sends a signal and waits until stderr says `text`.
  void signal(int signal, const std::string& text) {
    ::kill(process_, signal);
    read_until(text);
  }
  const std::string& log() const { return log_; }

 private:
  /// Reads stderr up to the end of the line with `text`.
  void read_until(const std::string& text) {
    std::array<char, 1024> bytes;
    for (;;) {
      const size_t found = log_.find(text);
      if (found != std::string::npos && log_.find('\n', found) != std::string::npos) return;
      const ssize_t count = ::read(err_, bytes.data(), bytes.size());
      if (count <= 0) return;
      log_.append(bytes.data(), static_cast<size_t>(count));
    }
  }

  pid_t process_ = 0;
  int err_ = -1;
  int port_ = 0;
  std::string log_;
};

std::string request_of(const std::string& path, const std::string& body, const std::string& more) {
  return "POST " + path + " HTTP/1.1\r\nConnection: close\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ServeCommandTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (run({"serve", "--help"}).exit_code != 0) GTEST_SKIP() << "built without the server";
  }
};

TEST_F(ServeCommandTest, AnswersUntilASignal) {
  ServingProgram program({"tiny=" + checkpoint()});
  std::string answer;
  EXPECT_EQ(
      program.ask(request_of("/v1/embeddings", R"({"model": "tiny", "input": "a"})", ""), answer),
      200);
  EXPECT_NE(answer.find("\"embedding\":["), std::string::npos) << answer;
  EXPECT_EQ(program.end(SIGTERM), 143);
  EXPECT_NE(program.log().find("\"path\":\"/v1/embeddings\",\"status\":200"), std::string::npos)
      << program.log();
  ServingProgram quiet({model(), "--quiet"});
  EXPECT_EQ(quiet.ask("GET /health HTTP/1.0\r\n\r\n", answer), 200);
  EXPECT_EQ(quiet.end(SIGINT), 130);
  EXPECT_EQ(quiet.log().find("/health"), std::string::npos);
}

TEST_F(ServeCommandTest, OpensModelsAtTheirFirstRequestAndAgain) {
  ServingProgram program({"tiny=" + checkpoint(), "--load-on-use"});
  std::string first;
  const std::string request = request_of("/embed", R"({"inputs": "a"})", "");
  EXPECT_EQ(program.ask(request, first), 200);
  program.signal(SIGHUP, "no open model has changed");
  set_tensor("embeddings.word_embeddings.weight", {kVocabulary, kHidden});
  write();
  program.signal(SIGHUP, "the model 'tiny' has been opened again");
  std::string second;
  EXPECT_EQ(program.ask(request, second), 200);
  EXPECT_NE(first, second);
  put("model.safetensors", "damaged");
  program.signal(SIGHUP, "warning: the model 'tiny' stays as it was: ");
  EXPECT_EQ(program.ask(request, first), 200);
  EXPECT_EQ(first, second);
  EXPECT_EQ(program.end(SIGTERM), 143);
  ServingProgram damaged({"tiny=" + checkpoint(), "--load-on-use"});
  EXPECT_EQ(damaged.ask(request, first), 503);
  EXPECT_NE(first.find("'tiny' cannot be opened"), std::string::npos) << first;
  EXPECT_EQ(damaged.ask("GET /health HTTP/1.0\r\n\r\n", first), 200);
}

/// A SIGHUP opens models again, the one of a terminal that closes ends the server.
TEST_F(ServeCommandTest, EndsWithItsTerminal) {
  int terminal = -1;
  const std::string file = model();
  const pid_t process = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (process == 0) {
    const char* const program = std::getenv("LANEWISE_PROGRAM");
    ::execl(program, program, "serve", file.c_str(), "--port", "0", nullptr);
    ::_exit(127);
  }
  ASSERT_GT(process, 0);
  std::string shown;
  const auto read_until = [&](const char* text) {
    std::array<char, 256> bytes;
    while (shown.find(text) == std::string::npos) {
      const ssize_t count = ::read(terminal, bytes.data(), bytes.size());
      if (count <= 0) return;
      shown.append(bytes.data(), static_cast<size_t>(count));
    }
  };
  read_until("listening on ");
  ::kill(process, SIGHUP);
  read_until("no open model has changed");
  EXPECT_NE(shown.find("no open model has changed"), std::string::npos) << shown;
  ::close(terminal);
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGHUP) << status;
}

TEST_F(ServeCommandTest, ChecksKeys) {
  put("keys", "# ours\nsecret\n");
  ServingProgram program({model(), "--api-key-file", path("keys")});
  std::string answer;
  const std::string body = R"({"inputs": "a"})";
  EXPECT_EQ(program.ask(request_of("/embed", body, ""), answer), 401);
  EXPECT_EQ(program.ask(request_of("/embed", body, "Authorization: Bearer secret\r\n"), answer),
            200);
}

TEST_F(ServeCommandTest, RefusesWhatCannotBe) {
  EXPECT_TRUE(is_wrong_usage(run({"serve"}), "MODEL"));
  EXPECT_TRUE(is_wrong_usage(run({"serve", "x", "--port", "65536"}), "--port"));
  EXPECT_TRUE(is_error(run({"serve", "/nothing/here.lw"}), "/nothing/here.lw"));
  EXPECT_TRUE(is_error(run({"serve", model(), model(), "--port", "0"}), "two models are called"));
  EXPECT_TRUE(is_error(run({"serve", model(), "--host", "256.1.1.1", "--port", "0"}), "256.1.1.1"));
  put("keys", "# none\n");
  EXPECT_TRUE(is_error(run({"serve", model(), "--api-key-file", path("keys")}), "there is no key"));
}

}  // namespace
}  // namespace lanewise::cli
