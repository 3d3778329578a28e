#include <gtest/gtest.h>

#include "lanewise/version.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

constexpr const char* kCommands[] = {"convert",  "inspect",   "run",   "embed", "generate",
                                     "tokenize", "attention", "bench", "cpu"};

TEST(Usage, HelpNamesEveryCommand) {
  const Outcome outcome = run({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const char* command : kCommands) EXPECT_TRUE(converters::has(outcome.out, command));
}

TEST(Usage, EveryCommandHasHelpAndTheCommonFlags) {
  for (const char* command : kCommands) {
    const Outcome outcome = run({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(converters::has(outcome.out, "--threads", "--isa", "--fast", "--quiet")) << command;
  }
}

TEST(Usage, Version) {
  const Outcome outcome = run({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  ASSERT_GE(outcome.lines().size(), 5u) << outcome.out;
  EXPECT_EQ(outcome.lines()[0], "lanewise " + std::string(version())) << "scripts read this line";
  EXPECT_TRUE(converters::has(outcome.out, "\ncompiler ", std::string(build_info().compiler),
                              "\nOpenMP ", "\noneDNN ", "\ncompiled    baseline"));
  EXPECT_TRUE(is_wrong_usage(run({"--json"}), "--version"));
  EXPECT_TRUE(is_wrong_usage(run({"--json", "cpu"}), "--version"));
}

TEST(Usage, VersionAsJson) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--version", "--json"}, {"--json", "--version"}}) {
    const Outcome outcome = run(arguments);
    ASSERT_EQ(outcome.objects().size(), 1u);
    const nlohmann::json facts = outcome.objects()[0];
    EXPECT_EQ(facts["version"], version());
    EXPECT_EQ(facts["compiler"], build_info().compiler);
    EXPECT_EQ(facts["openmp"], build_info().openmp);
    EXPECT_EQ(facts["onednn"].is_null(), build_info().onednn.empty());
    EXPECT_TRUE(facts["commit"].is_null() || !facts["commit"].get<std::string>().empty());
    EXPECT_EQ(facts["compiled_isas"], run({"cpu", "--json"}).objects().at(0)["compiled_isas"]);
  }
}

TEST(Usage, TheManualPageIsRoff) {
  const Outcome outcome = run({"--man"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.rfind(".TH LANEWISE 1 ", 0), 0u);
  for (const char* command : kCommands) {
    EXPECT_TRUE(converters::has(outcome.out, std::string(".SS \"lanewise ") + command)) << command;
  }
  // Backslashes, hyphens, backquotes and other alphabets of the help.
  EXPECT_TRUE(converters::has(outcome.out, "\\en or \\er\\en",
                              "\\fB\\-\\-max\\-new\\-tokens\\fR\\fI N\\fR", "\\fB\\-\\fR is stdin",
                              "\\[uD55C]"));
  for (const char c : outcome.out) ASSERT_TRUE(c >= 0) << "only ASCII";
}

TEST(Usage, NoCommandAndUnknownCommand) {
  EXPECT_TRUE(is_wrong_usage(run(std::vector<std::string>()), "no command", "embed"));
  EXPECT_TRUE(is_wrong_usage(run({"frobnicate"}), "'frobnicate'", "embed"));
  EXPECT_TRUE(is_wrong_usage(run({"frobnicate", "--threads", "2"}), "'frobnicate'"));
}

TEST(Usage, UnknownFlags) {
  EXPECT_TRUE(is_wrong_usage(run({"--bogus"}), "--bogus"));
  for (const char* command : kCommands) {
    EXPECT_TRUE(is_wrong_usage(run({command, "--bogus"}), command)) << command;
  }
  EXPECT_TRUE(is_wrong_usage(run({"cpu", "--bogus"}), "--bogus"));
  EXPECT_TRUE(is_wrong_usage(run({"cpu", "extra"}), "extra"));
}

TEST(Usage, ControlCharactersReachNoTerminal) {
  for (const Outcome& outcome : {run({"cpu", "--b\x1B[2Jus\x7F"}), run({"--b\x1B[2Jus\x7F"})}) {
    EXPECT_TRUE(is_wrong_usage(outcome, "--b?[2Jus?"));
    EXPECT_EQ(outcome.err.find_first_of("\x1B\x7F"), std::string::npos);
  }
}

TEST(Usage, MissingOperands) {
  for (const char* command :
       {"convert", "inspect", "run", "embed", "tokenize", "attention", "bench"}) {
    EXPECT_TRUE(is_wrong_usage(run({command}), command)) << command;
  }
  EXPECT_TRUE(is_wrong_usage(run({"run", "model.lw", "--inputs", "a"}), "--outputs"));
  EXPECT_TRUE(is_wrong_usage(run({"embed", "model.lw", "--input"}), "--input"));
  EXPECT_TRUE(is_wrong_usage(run({"attention", "model.lw", "text"}), "--output"));
  EXPECT_TRUE(is_wrong_usage(run({"attention", "model.lw", "--output", "a.html"}), "TEXT"));
}

TEST(Usage, AnEmptyValueIsNone) {
  const std::vector<std::vector<std::string>> all = {
      {"embed", "m.lw", "--input", ""},
      {"generate", "m.lw", "--input-ids", ""},
      {"convert", "folder", "-o", ""},
      {"convert", "folder", "--config", ""},
      {"convert", "folder", "--weights", ""},
      {"bench", "m.lw", "--output", ""},
      {"bench", "m.lw", "--trace", ""},
      {"inspect", "m.lw", "--dot", ""},
      {"cpu", "--isa", ""},
      {"run", "m.lw", "--inputs", "a", "--outputs", ""}};
  for (const std::vector<std::string>& arguments : all) {
    EXPECT_TRUE(is_wrong_usage(run(arguments), arguments.front())) << arguments.back();
  }
}

TEST(Usage, ThreadsIsAPositiveNumber) {
  for (const char* threads : {"0", "-1", "abc", "1.5", "", "2x", "99999999999999999999"}) {
    EXPECT_TRUE(is_wrong_usage(run({"cpu", "--threads", threads}), "--threads")) << threads;
  }
  EXPECT_EQ(run({"cpu", "--threads", "2"}).exit_code, 0);
}

TEST(Usage, OtherValuesOutOfRange) {
  for (const char* flag : {"--batch", "--length", "--lengths", "--seconds"}) {
    for (const char* value : {"0", "-3", "many"}) {
      EXPECT_TRUE(is_wrong_usage(run({"bench", "model.lw", flag, value}), flag)) << flag << value;
    }
  }
  EXPECT_TRUE(is_wrong_usage(run({"bench", "m.lw", "--length", "3", "--lengths", "3,4"})));
  EXPECT_TRUE(is_wrong_usage(run({"convert", "folder", "--weights", "f99"}), "--weights", "f99"));
}

TEST(Usage, TextsBesideAnInputFile) {
  EXPECT_TRUE(is_wrong_usage(run({"embed", "m.lw", "text", "--input", "file"}), "not both"));
}

TEST(Cpu, SaysWhatRuns) {
  const Outcome plain = run({"cpu"});
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_TRUE(converters::has(plain.out, "baseline", "chosen"));

  const Outcome json = run({"cpu", "--json"});
  ASSERT_EQ(json.objects().size(), 1u);
  const nlohmann::json facts = json.objects()[0];
  EXPECT_GE(facts["cpus"].get<int>(), 1);
  EXPECT_EQ(facts["available_isas"][0], "baseline");
  EXPECT_EQ(facts["isa"], facts["available_isas"].back());
  EXPECT_EQ(facts["f32_kernels"].size(), facts["compiled_isas"].size());
  const nlohmann::json kernels = {{"baseline", "baseline"}, {"avx2", "avx2"},
                                  {"avxvnni", "avx2"},      {"avx512", "avx512"},
                                  {"avx512vnni", "avx512"}, {"avx512bf16", "avx512"}};
  for (const std::string name : facts["compiled_isas"]) {
    EXPECT_TRUE(converters::has(plain.out, name)) << name;
    EXPECT_EQ(facts["f32_kernels"][name], kernels[name]) << name;
    const std::string of_another = name + " runs " + kernels[name].get<std::string>() + "'s";
    EXPECT_EQ(plain.out.find(of_another) != std::string::npos, kernels[name] != name) << name;
  }
  EXPECT_FALSE(facts.contains("peaks")) << "that takes time, and is for those who ask";
}

TEST(Cpu, MeasuresPeaksOnRequest) {
  const Outcome plain = run({"cpu", "--peaks"});
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_TRUE(converters::has(plain.out, "GFLOP/s f32", "GOP/s int8", "GFLOP/s bf16"));

  const nlohmann::json peaks = run({"cpu", "--peaks", "--json"}).objects().at(0)["peaks"];
  for (const char* name : {"f32_gflops", "int8_gops", "bf16_gflops"}) {
    EXPECT_GT(peaks[name].get<double>(), 0.0) << name;
  }
}

TEST(Cpu, TheInstructionSetCanBeForced) {
  Invocation invocation;
  invocation.arguments = {"cpu", "--json"};
  invocation.environment = {"LANEWISE_ISA=baseline"};
  EXPECT_EQ(run(invocation).objects().at(0)["isa"], "baseline");
  EXPECT_EQ(run({"cpu", "--json", "--isa", "baseline"}).objects().at(0)["isa"], "baseline");

  invocation.environment = {"LANEWISE_ISA=mmx"};
  EXPECT_TRUE(is_error(run(invocation), "LANEWISE_ISA", "mmx", "baseline"));
  EXPECT_TRUE(is_error(run({"cpu", "--isa", "mmx"}), "mmx", "baseline"));
}

TEST(StandardOutput, AFullDeviceIsAnError) {
  for (const char* argument : {"cpu", "--help"}) {
    Invocation invocation;
    invocation.arguments = {argument};
    invocation.out = "/dev/full";
    EXPECT_TRUE(is_error(run(invocation), "standard output", "No space left")) << argument;
  }
}

TEST(StandardOutput, AReaderThatLeftIsNone) {
  Invocation invocation;
  invocation.arguments = {"cpu"};
  invocation.closed_pipe = true;
  const Outcome outcome = run(invocation);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace lanewise::cli
