// --resume: whatever ends a run, at whatever moment, the next ones complete the very file that one
// run alone writes.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/cli/program.hpp"
#include "tests/read_file.hpp"
#include "tests/test_data.hpp"

namespace lanewise::cli {
namespace {

namespace fs = std::filesystem;

std::string lines_of_letters(int count) {
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < count; ++i) {
    for (uint32_t word = random() % 6; word > 0; --word) {
      text += static_cast<char>('a' + random() % 5);
      if (word > 1) text += ' ';
    }
    text += i % 7 == 0 ? "\r\n" : "\n";
  }
  return text;
}

void overwrite_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Starts the program; its stderr goes to a file.
pid_t start(std::vector<std::string> arguments, const std::string& err) {
  arguments.insert(arguments.begin(), std::getenv("LANEWISE_PROGRAM"));
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t process = ::fork();
  if (process != 0) return process;
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
  ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

/// The exit status, or 128 and the number of the signal that ended the process.
int status_of(pid_t process) {
  int status = 0;
  ::waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class ResumeTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    texts_ = out_path("texts");
    overwrite_file(texts_, lines_of_letters(3000));
  }

  std::string record(const std::string& output) const { return output + ".resume"; }
  std::string part(const std::string& output) const { return output + ".part"; }

  std::vector<std::string> embed(const std::string& output,
                                 const std::vector<std::string>& flags = {}) {
    std::vector<std::string> all = {"embed",    model(), "--input",   texts_,
                                    "--output", output,  "--threads", "1"};
    all.insert(all.end(), flags.begin(), flags.end());
    return all;
  }

  /// What a run alone writes to a file of this name.
  std::string alone(const std::string& name, const std::vector<std::string>& flags = {}) {
    const std::string path = out_path("alone_" + name);
    const Outcome outcome = run(embed(path, flags));
    EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 3) << outcome.err;
    return contents(path);
  }

  /// Leaves the files of a run that was ended in its middle: a text in it is not UTF-8.
  void stop_in_the_middle(const std::string& output) {
    std::string text = lines_of_letters(1500);
    text += "\xff\n" + lines_of_letters(1500);
    overwrite_file(texts_, text);
    const Outcome outcome = run(embed(output, {"--resume"}));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find("texts; the same command resumes"), std::string::npos)
        << outcome.err;
    EXPECT_FALSE(fs::exists(output));
    EXPECT_TRUE(fs::exists(part(output)));
  }

  void expect_only(const std::string& output, const std::string& bytes) {
    EXPECT_TRUE(contents(output) == bytes) << output;
    EXPECT_FALSE(fs::exists(part(output)));
    EXPECT_FALSE(fs::exists(record(output)));
  }

  std::string texts_;
};

TEST_F(ResumeTest, ARunAloneWritesTheSameFileAsWithoutIt) {
  for (const std::string name : {"v.npy", "v.jsonl"}) {
    const Outcome outcome = run(embed(out_path(name), {"--resume"}));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    expect_only(out_path(name), alone(name));
  }
  const std::string npy = contents(out_path("v.npy"));
  EXPECT_EQ(npy.size(), 128u + 3000 * 20 * 4);
  EXPECT_NE(npy.find("'shape': (3000, 20)"), std::string::npos);
}

TEST_F(ResumeTest, KilledAtAnyMomentNothingIsTwiceOrMissing) {
  overwrite_file(texts_, lines_of_letters(30000));
  std::mt19937 random(2);
  for (const std::string name : {"v.npy", "v.jsonl"}) {
    const std::string bytes = alone(name), output = out_path(name);
    int status = 0;
    // Each time it gets an eighth longer, so this ends soon on the slowest machine too.
    for (uint32_t most = 40; status != 0 || most == 40; most += most / 8) {
      const pid_t process = start(embed(output, {"--resume"}), out_path("err"));
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % most));
      ::kill(process, SIGKILL);
      status = status_of(process);
      ASSERT_TRUE(status == 0 || status == 128 + SIGKILL) << contents(out_path("err"));
    }
    expect_only(output, bytes);
  }
}

TEST_F(ResumeTest, WhateverAPowerCutLeaves) {
  const std::string output = out_path("v.npy");
  stop_in_the_middle(output);
  const std::string bytes = alone("v.npy", {"--on-error", "skip"});
  const std::string written = contents(part(output)), lines = contents(record(output));
  const size_t first_line = lines.find('\n') + 1;
  ASSERT_GT(lines.size(), first_line);
  std::mt19937 random(3);
  for (int i = 0; i < 12; ++i) {
    // The disk has any part of either file, and what was written there before.
    overwrite_file(part(output), written.substr(0, random() % (written.size() + 1)));
    overwrite_file(record(output),
                   lines.substr(0, first_line + random() % (lines.size() - first_line)));
    if (i % 3 == 0) std::ofstream(record(output), std::ios::app) << std::string(99, '\0');
    const Outcome outcome = run(embed(output, {"--resume", "--on-error", "skip"}));
    ASSERT_EQ(outcome.exit_code, 3) << outcome.err;
    expect_only(output, bytes);
    fs::remove(output);
  }
}

TEST_F(ResumeTest, DamagedResultsAreComputedAgain) {
  const std::string output = out_path("v.jsonl");
  stop_in_the_middle(output);
  const std::string bytes = alone("v.jsonl", {"--on-error", "skip"});
  std::string written = contents(part(output));
  written[written.size() / 2] ^= 1;
  overwrite_file(part(output), written);
  const Outcome outcome = run(embed(output, {"--resume", "--on-error", "skip"}));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("damaged"), std::string::npos) << outcome.err;
  expect_only(output, bytes);
}

/// The exit status and what was truncated are those of the whole input.
TEST_F(ResumeTest, WhatEarlierRunsSawCountsToo) {
  overwrite_file(texts_, "a\xff\na b c d e a b c d e\n" + lines_of_letters(2500) + "\xff\n");
  const std::string output = out_path("v.jsonl");
  std::vector<std::string> flags = {"--resume", "--on-error", "skip"};
  const Outcome outcome = run(embed(output, flags));
  EXPECT_EQ(outcome.exit_code, 3);
  const std::string bytes = contents(output);

  // A record whose last line is missing, of results whose last ones are missing.
  flags.back() = "stop";
  EXPECT_EQ(run(embed(output, flags)).exit_code, 1);  // at the first text
  flags.back() = "skip";
  const pid_t process = start(embed(output, flags), out_path("err"));
  while (test::read_file(record(output)).find("texts") == std::string::npos &&
         fs::exists(record(output))) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(process, SIGKILL);
  status_of(process);
  const Outcome rest = run(embed(output, flags));
  EXPECT_EQ(rest.exit_code, 3);
  EXPECT_NE(rest.err.find("1 text was longer than 8 tokens"), std::string::npos) << rest.err;
  expect_only(output, bytes);
}

TEST_F(ResumeTest, AnotherModelInputOrFlagIsRefusedByName) {
  const std::string output = out_path("v.npy");
  stop_in_the_middle(output);
  const std::string written = contents(part(output)), lines = contents(record(output));
  EXPECT_TRUE(is_error(run(embed(output, {"--resume", "--dimensions", "8"})), "v.npy.resume",
                       "without --dimensions, not with --dimensions 8"));
  EXPECT_TRUE(
      is_error(run(embed(output, {"--resume", "--fast"})), "without --fast, not with --fast"));
  std::vector<std::string> other = embed(output, {"--resume"});
  other[1] = checkpoint();
  EXPECT_TRUE(is_error(run(other), "v.npy.resume", "begun with another model"));
  std::ofstream(texts_, std::ios::app) << "a\n";
  EXPECT_TRUE(is_error(run(embed(output, {"--resume"})), "begun with another input"));
  EXPECT_EQ(contents(part(output)), written);
  EXPECT_EQ(contents(record(output)), lines);
}

TEST_F(ResumeTest, ARecordThatIsNone) {
  const std::string output = out_path("v.npy");
  for (const std::string lines :
       {"notes\n", "{}\n", "{\"lanewise\":1}\n", "{\"lanewise\":\"0.1.0\",\"flags\":7}\n"}) {
    overwrite_file(record(output), lines);
    EXPECT_TRUE(is_error(run(embed(output, {"--resume"})), "v.npy.resume", "record of a run"));
    EXPECT_EQ(contents(record(output)), lines);
  }
  fs::remove(record(output));
  overwrite_file(part(output), "mine");
  EXPECT_TRUE(is_error(run(embed(output, {"--resume"})), "v.npy.part", "delete it"));
  EXPECT_EQ(contents(part(output)), "mine");
  EXPECT_FALSE(fs::exists(record(output)));
}

TEST_F(ResumeTest, OneProcessAtATime) {
  const std::string output = out_path("v.npy");
  stop_in_the_middle(output);
  const int file = ::open(record(output).c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(file, LOCK_EX), 0);
  EXPECT_TRUE(is_error(run(embed(output, {"--resume"})), "another process"));
  ::close(file);
}

/// The process is killed after the file got its name, before its record is removed.
TEST_F(ResumeTest, ACompleteFileIsNotWrittenAgain) {
  const std::string output = out_path("v.npy"), kept = out_path("kept");
  stop_in_the_middle(output);
  ASSERT_EQ(::link(record(output).c_str(), kept.c_str()), 0);
  ASSERT_EQ(run(embed(output, {"--resume", "--on-error", "skip"})).exit_code, 3);
  const std::string bytes = contents(output);
  struct stat before = {}, after = {};
  ASSERT_EQ(::stat(output.c_str(), &before), 0);
  fs::rename(kept, record(output));
  EXPECT_EQ(run(embed(output, {"--resume", "--on-error", "skip"})).exit_code, 3);
  ASSERT_EQ(::stat(output.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  expect_only(output, bytes);
}

TEST_F(ResumeTest, AFullDisk) {
  const std::string output = out_path("v.npy"), bytes = alone("v.npy");
  struct rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = 100'000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const Outcome full = run(embed(output, {"--resume"}));
  limit.rlim_cur = before;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err.find("v.npy.part"), std::string::npos) << full.err;
  EXPECT_FALSE(fs::exists(output));
  const Outcome outcome = run(embed(output, {"--resume"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.err.find("resuming after "), std::string::npos) << outcome.err;
  expect_only(output, bytes);
}

TEST_F(ResumeTest, CtrlCSaysHowToGoOn) {
  overwrite_file(texts_, lines_of_letters(400'000));
  const std::string output = out_path("v.npy");
  const pid_t process = start(embed(output, {"--resume"}), out_path("err"));
  for (bool begun = false; !begun;) {
    begun = test::read_file(record(output)).find("\"texts\"") != std::string::npos;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(::waitpid(process, nullptr, WNOHANG), 0) << contents(out_path("err"));
  }
  ::kill(process, SIGINT);
  EXPECT_EQ(status_of(process), 128 + SIGINT);
  const std::string err = contents(out_path("err"));
  EXPECT_NE(err.find("the same command resumes"), std::string::npos) << err;
  EXPECT_NE(err.find("lanewise: error: interrupted"), std::string::npos) << err;
}

TEST_F(ResumeTest, WrongUsage) {
  const std::string output = out_path("v.npy"), jsonl = out_path("v.jsonl");
  EXPECT_TRUE(is_wrong_usage(run({"embed", model(), "--input", texts_, "--resume"}), "--output"));
  EXPECT_TRUE(
      is_wrong_usage(run({"embed", model(), "a", "--output", output, "--resume"}), "--input FILE"));
  EXPECT_TRUE(is_wrong_usage(
      run({"embed", model(), "--input", "-", "--output", output, "--resume"}), "--input FILE"));
  EXPECT_TRUE(is_wrong_usage(
      run({"embed", model(), "--input", "/dev/null", "--output", output, "--resume"}), "again"));
  EXPECT_TRUE(is_wrong_usage(run(embed(jsonl, {"--resume", "--json"})), "--json"));
  EXPECT_FALSE(fs::exists(record(output)));
}

/// The bundled model pronounces; its results are lines.
TEST_F(ResumeTest, Generate) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += i % 2 == 0 ? "lane\n" : "wise\n";
  overwrite_file(texts_, words + "na\xc3\xafve\nmodel\n");
  for (const std::string name : {"g.txt", "g.jsonl"}) {
    const std::string output = out_path(name), alone = out_path("alone_" + name);
    std::vector<std::string> command = {
        "generate", bundled_model_folder(), "--input", texts_, "--output",
        alone,      "--on-error",           "skip"};
    ASSERT_EQ(run(command).exit_code, 3);
    command = {"generate", bundled_model_folder(), "--input", texts_, "--output", output,
               "--resume"};
    const Outcome stopped = run(command);
    EXPECT_EQ(stopped.exit_code, 1);
    EXPECT_EQ(stopped.out, "");
    EXPECT_NE(contents(record(output)).find("\"texts\":64,"), std::string::npos)
        << contents(record(output));
    command.insert(command.end(), {"--on-error", "skip"});
    const Outcome rest = run(command);
    EXPECT_EQ(rest.exit_code, 3);
    EXPECT_NE(rest.err.find("resuming after "), std::string::npos) << rest.err;
    expect_only(output, contents(alone));
  }
}

TEST_F(ResumeTest, Classify) {
  const std::string classifier = test_data_folder() + "/guide/classifier";
  const std::vector<std::string> begin = {"classify", classifier, "--input", texts_};
  const auto with = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> command = begin;
    command.insert(command.end(), flags.begin(), flags.end());
    return run(command);
  };
  const Outcome json = with({"--json"}), plain = with({});
  ASSERT_EQ(json.lines().size(), 3000u) << json.err;
  for (const bool resumes : {false, true}) {
    std::vector<std::string> flags = {"--output", out_path("c.jsonl")};
    if (resumes) flags.emplace_back("--resume");
    const Outcome written = with(flags);
    EXPECT_EQ(written.exit_code, 0) << written.err;
    EXPECT_EQ(written.out, "");
    expect_only(out_path("c.jsonl"), json.out);
    flags[1] = out_path("c.txt");
    EXPECT_EQ(with(flags).exit_code, 0);
    expect_only(out_path("c.txt"), plain.out);
  }
  EXPECT_EQ(with({"--output", out_path("both.jsonl"), "--json"}).out, json.out);
  EXPECT_TRUE(is_wrong_usage(with({"--output", out_path("c.npy")}), ".jsonl or .txt"));
  EXPECT_TRUE(is_wrong_usage(with({"--output", out_path("c.txt"), "--json"}), ".jsonl"));
}

/// Samples do not depend on where portions end.
TEST_F(ResumeTest, SamplesAreThoseOfARunAlone) {
  std::string words;
  for (int i = 0; i < 140; ++i) words += "pneumonoultramicroscopic\n";
  overwrite_file(texts_, words);
  const std::vector<std::string> flags = {"--temperature", "2.5", "--seed", "7"};
  std::vector<std::string> command = {"generate", bundled_model_folder(), "--input", texts_};
  command.insert(command.end(), flags.begin(), flags.end());
  const Outcome alone = run(command);
  const std::vector<std::string> lines = alone.lines();
  ASSERT_EQ(lines.size(), 140u) << alone.err;
  EXPECT_NE(lines[0], lines[64]);  // the first of the second portion of a run that resumes
  const std::string output = out_path("g.txt");
  command.insert(command.end(), {"--output", output, "--resume"});
  ASSERT_EQ(run(command).exit_code, 0);
  expect_only(output, alone.out);
  const Outcome streamed = run([&] {
    command.resize(command.size() - 3);
    command.emplace_back("--stream");
    return command;
  }());
  EXPECT_EQ(streamed.out, alone.out);
}

}  // namespace
}  // namespace lanewise::cli
