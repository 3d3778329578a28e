#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::cli {

/// The result of running the program.
struct Outcome {
  int exit_code = -1;  ///< 128 + N if signal N ended it
  std::string out;
  std::string err;

  std::vector<std::string> lines() const;
  /// stdout as JSON lines.
  std::vector<nlohmann::json> objects() const;
};

/// One run of the program that LANEWISE_PROGRAM names.
struct Invocation {
  std::vector<std::string> arguments;
  std::string input;                     ///< stdin, a file
  std::vector<std::string> environment;  ///< NAME=VALUE, on top of ours without LANEWISE_*
  std::string folder;                    ///< to run in; empty: ours
  std::optional<std::string> out;        ///< a file or device for stdout, instead of Outcome::out
  bool closed_pipe = false;              ///< stdout is a pipe that nobody reads
};

Outcome run(const Invocation& invocation);
Outcome run(std::vector<std::string> arguments, std::string input = {});

/// Succeeds for exit status 1, silent stdout and one line `lanewise: error: ...` with every part.
template <typename... Parts>
testing::AssertionResult is_error(const Outcome& outcome, const Parts&... parts);
/// The same for exit status 2 and a hint at --help.
template <typename... Parts>
testing::AssertionResult is_wrong_usage(const Outcome& outcome, const Parts&... parts);

testing::AssertionResult has_one_line(const Outcome& outcome, int exit_code,
                                      const std::vector<std::string>& parts);

template <typename... Parts>
testing::AssertionResult is_error(const Outcome& outcome, const Parts&... parts) {
  return has_one_line(outcome, 1, {"lanewise: error: ", parts...});
}

template <typename... Parts>
testing::AssertionResult is_wrong_usage(const Outcome& outcome, const Parts&... parts) {
  return has_one_line(outcome, 2, {"lanewise: error: ", "--help", parts...});
}

/// A test with a tiny sentence-transformers folder, which reads up to 8 tokens of a text and gives
/// 20 numbers.
class ProgramTest : public converters::CheckpointFolderTest {
 protected:
  void SetUp() override;

  std::string checkpoint() const { return source_.string(); }
  /// The checkpoint, converted.
  const std::string& model();
  /// A path in the folder of outputs, which files_out() counts.
  std::string out_path(const std::string& name) const;
  static std::string contents(const std::string& path);

 private:
  std::string model_;
};

}  // namespace lanewise::cli
