#include "tests/cli/program.hpp"
#include "tests/read_file.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

extern char** environ;

namespace lanewise::cli {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_of(const Invocation& invocation) {
  std::vector<std::string> environment = invocation.environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::strncmp(*variable, "LANEWISE_", 9) != 0) environment.emplace_back(*variable);
  }
  return environment;
}

/// In the child: replaces `descriptor` by `path`, opened with `flags`.
void redirect(const std::string& path, int flags, int descriptor) {
  const int file = ::open(path.c_str(), flags, 0600);
  if (file < 0 || ::dup2(file, descriptor) < 0) ::_exit(126);
}

void redirect_to_closed_pipe() {
  int ends[2];
  if (::pipe(ends) != 0 || ::dup2(ends[1], STDOUT_FILENO) < 0) ::_exit(126);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace

std::vector<std::string> Outcome::lines() const {
  std::vector<std::string> lines;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<nlohmann::json> Outcome::objects() const {
  std::vector<nlohmann::json> objects;
  for (const std::string& line : lines()) {
    objects.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_TRUE(objects.back().is_object()) << line;
  }
  return objects;
}

Outcome run(const Invocation& invocation) {
  const char* program = std::getenv("LANEWISE_PROGRAM");
  if (program == nullptr) {
    ADD_FAILURE() << "LANEWISE_PROGRAM is not set";
    return {};
  }
  std::string folder = testing::TempDir() + "lanewise_cli_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return {};
  std::ofstream(folder + "/in", std::ios::binary) << invocation.input;
  std::vector<std::string> arguments = invocation.arguments;
  arguments.insert(arguments.begin(), program);
  std::vector<std::string> environment = environment_of(invocation);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const std::string out = invocation.out.value_or(folder + "/out");
  const pid_t child = ::fork();
  if (child == 0) {
    redirect(folder + "/in", O_RDONLY, STDIN_FILENO);
    redirect(folder + "/err", O_WRONLY | O_CREAT, STDERR_FILENO);
    if (invocation.closed_pipe) {
      redirect_to_closed_pipe();
    } else {
      redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO);
    }
    if (!invocation.folder.empty() && ::chdir(invocation.folder.c_str()) != 0) ::_exit(126);
    ::execve(program, argv.data(), envp.data());
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = test::read_file(folder + "/out");
  outcome.err = test::read_file(folder + "/err");
  std::filesystem::remove_all(folder);
  return outcome;
}

Outcome run(std::vector<std::string> arguments, std::string input) {
  Invocation invocation;
  invocation.arguments = std::move(arguments);
  invocation.input = std::move(input);
  return run(invocation);
}

testing::AssertionResult has_one_line(const Outcome& outcome, int exit_code,
                                      const std::vector<std::string>& parts) {
  const std::string& err = outcome.err;
  bool good = outcome.exit_code == exit_code && outcome.out.empty() &&
              err.rfind(parts.front(), 0) == 0 && err.find('\n') == err.size() - 1;
  for (const std::string& part : parts) good = good && err.find(part) != std::string::npos;
  return (good ? testing::AssertionSuccess() : testing::AssertionFailure())
         << "exit status " << outcome.exit_code << "\nstdout: " << outcome.out
         << "\nstderr: " << err;
}

void ProgramTest::SetUp() {
  CheckpointFolderTest::SetUp();
  write_all();
  put("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                          {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
                          {"type": "sentence_transformers.models.Normalize", "path": "2"}])");
  put("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  put("sentence_bert_config.json", R"({"max_seq_length": 8})");
}

const std::string& ProgramTest::model() {
  if (model_.empty()) {
    model_ = (root_ / "tiny.lw").string();
    const Status status = convert(checkpoint(), model_);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return model_;
}

std::string ProgramTest::out_path(const std::string& name) const {
  return (root_ / "out" / name).string();
}

std::string ProgramTest::contents(const std::string& path) { return test::read_file(path); }

}  // namespace lanewise::cli
