#include <gtest/gtest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "lanewise/model.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

using ConvertCommandTest = ProgramTest;
using InspectCommandTest = ProgramTest;

TEST_F(ConvertCommandTest, SaysWhenAFileMayNotBeThatLarge) {
  const std::string shell = "ulimit -f 1; exec \"$LANEWISE_PROGRAM\" convert '" + checkpoint() +
                            "' -o '" + out_path("m.lw") + "' 2> '" + out_path("said") + "'";
  const int status = std::system(shell.c_str());
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(contents(out_path("said")).find("File too large"), std::string::npos);
  EXPECT_EQ(files_out(), 1);
}

TEST_F(ConvertCommandTest, PrintsTheNameOfTheModel) {
  const Outcome outcome = run({"convert", checkpoint(), "-o", out_path("m.lw")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, out_path("m.lw") + "\n");
  EXPECT_TRUE(converters::has(outcome.err, "bert"));
  EXPECT_TRUE(Model::open(out_path("m.lw")).ok());
  EXPECT_EQ(files_out(), 1);
}

TEST_F(ConvertCommandTest, IsSilentWhenAsked) {
  const Outcome outcome = run({"convert", checkpoint(), "-o", out_path("m.lw"), "--quiet"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ConvertCommandTest, WarnsEvenWhenQuiet) {
  set_tensor("encoder.layer.0.attention.self.query.lora_A.default.weight", {2, kHidden});
  set_tensor("encoder.layer.0.attention.self.query.lora_B.default.weight", {kHidden, 2});
  write();
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"convert", checkpoint(), "-o", out_path("m.lw"), "--quiet"},
           {"embed", "--quiet", checkpoint(), "a b"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("lanewise: warning: 2 tensors of an adapter"))
        << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
  }
}

TEST_F(ConvertCommandTest, DryRunListsTheCheckpointAndWritesNothing) {
  const Outcome outcome = run({"convert", checkpoint(), "-o", out_path("m.lw"), "--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* part :
       {"family        bert\n", "tokenizer     WordPiece, 13 tokens\n", "model.safetensors\n",
        "1 x F32 [13, 20]", "2 x F32 [20, 20]",
        "'encoder.layer.*.output.dense.bias': linear bias, f32\n",
        "output        last_hidden_state [tokens, 20]\n", "model file    about "}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << " in\n" << outcome.out;
  }
  EXPECT_EQ(outcome.out.find("encoder.layer.0"), std::string::npos);
  EXPECT_EQ(files_out(), 0);
  put("config.json", "not JSON");
  EXPECT_TRUE(is_error(run({"convert", checkpoint(), "--dry-run"}), "config.json"));
}

TEST_F(ConvertCommandTest, DryRunForeseesTheSize) {
  for (const char* weights : {"f32", "bf16", "int8"}) {
    const Outcome outcome = run({"convert", checkpoint(), "-o", out_path("m.lw"), "--weights",
                                 weights, "--max-error", "inf", "--dry-run"});
    const std::vector<std::string> without = {"convert",        checkpoint(), "-o",
                                              out_path("m.lw"), "--weights",  weights};
    ASSERT_EQ(run(without).exit_code, 0);
    const auto contents = describe_checkpoint(checkpoint(), {.weights = weights});
    ASSERT_TRUE(contents.ok());
    const auto bytes = static_cast<double>(std::filesystem::file_size(out_path("m.lw")));
    EXPECT_NEAR(static_cast<double>(contents->model_bytes), bytes, 0.3 * bytes) << weights;
  }
}

TEST_F(ConvertCommandTest, WritesACheckpointAgain) {
  const Outcome outcome = run({"convert", checkpoint(), "--to-checkpoint", out_path("made")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, out_path("made") + "\n");
  EXPECT_EQ(contents(out_path("made/vocab.txt")), contents(path("vocab.txt")));
  EXPECT_EQ(run({"embed", out_path("made"), "a b", "--json"}).out,
            run({"embed", checkpoint(), "a b", "--json"}).out);
  EXPECT_TRUE(is_error(run({"convert", checkpoint(), "--to-checkpoint", out_path("made")}), "made",
                       "not an empty folder"));
  for (const std::vector<std::string>& other :
       {std::vector<std::string>{"--dry-run"}, {"-o", out_path("m.lw")}, {"--weights", "f32"}}) {
    std::vector<std::string> arguments = {"convert", checkpoint(), "--to-checkpoint",
                                          out_path("x")};
    arguments.insert(arguments.end(), other.begin(), other.end());
    EXPECT_TRUE(is_wrong_usage(run(arguments), "--to-checkpoint"));
  }
  EXPECT_EQ(files_out(), 1);
}

TEST_F(ConvertCommandTest, BasesAreForAdapters) {
  EXPECT_TRUE(
      is_error(run({"convert", checkpoint(), "-o", out_path("m.lw"), "--base", checkpoint()}),
               "no adapter"));
  EXPECT_TRUE(is_error(run({"convert", checkpoint(), "-o", out_path("m.lw"), "--ema"}), "EMA"));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(InspectCommandTest, VerifiesTheBytesOfTensors) {
  const Outcome whole = run({"inspect", model(), "--verify"});
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_TRUE(converters::has(whole.out, "tensors have their checksums"));
  std::string bytes = contents(model());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(out_path("damaged.lw"), std::ios::binary) << bytes;
  EXPECT_TRUE(is_error(run({"inspect", out_path("damaged.lw"), "--verify"}), "damaged.lw",
                       "1 tensor damaged: '"));
  EXPECT_TRUE(is_error(run({"inspect", checkpoint(), "--verify"}), "is a checkpoint"));
}

TEST_F(ConvertCommandTest, NamesTheModelAfterTheFolder) {
  Invocation invocation;
  invocation.arguments = {"convert", checkpoint() + "/"};
  invocation.folder = (root_ / "out").string();
  EXPECT_EQ(run(invocation).out, "source.lw\n");
  EXPECT_TRUE(Model::open(out_path("source.lw")).ok());

  invocation.arguments = {"convert", "."};
  invocation.folder = checkpoint();
  EXPECT_EQ(run(invocation).out, "source.lw\n");
}

TEST_F(ConvertCommandTest, ReplacesAFileOnlyWhenAllWentWell) {
  std::ofstream(out_path("m.lw")) << "old";
  put("config.json", "not JSON");
  EXPECT_TRUE(is_error(run({"convert", checkpoint(), "-o", out_path("m.lw")}), "config.json"));
  EXPECT_EQ(contents(out_path("m.lw")), "old");
  write_config();
  EXPECT_EQ(run({"convert", checkpoint(), "-o", out_path("m.lw")}).exit_code, 0);
  EXPECT_TRUE(Model::open(out_path("m.lw")).ok());
  EXPECT_EQ(files_out(), 1);
}

TEST_F(ConvertCommandTest, BadInputLeavesNothing) {
  EXPECT_TRUE(is_error(run({"convert", checkpoint() + "x", "-o", out_path("m.lw")}), "sourcex"));
  EXPECT_TRUE(is_error(run({"convert", checkpoint(), "-o", out_path("none/m.lw")}), "none"));
  EXPECT_TRUE(is_error(run({"convert", checkpoint(), "-o", out_path("")}), "directory"));
  config_["model_type"] = "\"unheard_of\"";
  write_config();
  EXPECT_TRUE(
      is_error(run({"convert", checkpoint(), "-o", out_path("m.lw")}), "unheard_of", "bert"));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(ConvertCommandTest, FlagsOfIntegersAreForIntegers) {
  const auto convert = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"convert", checkpoint(), "-o", out_path("m.lw")});
    return run(flags);
  };
  EXPECT_TRUE(is_wrong_usage(convert({"--group", "64"}), "--group", "int4"));
  EXPECT_TRUE(is_wrong_usage(convert({"--weights", "int8", "--group", "32"}), "--group", "int4"));
  EXPECT_TRUE(
      is_wrong_usage(convert({"--weights", "bf16", "--calibrate", "t"}), "--calibrate", "int8"));
  EXPECT_TRUE(is_wrong_usage(convert({"--max-error", "0.1"}), "--max-error", "int8"));
  for (const std::string value : {"0", "-1", "nan", "text", "1e-400"}) {
    EXPECT_TRUE(is_wrong_usage(convert({"--weights", "int8", "--max-error", value}), "--max-error",
                               "above 0", value));
  }
  for (const std::string value : {"0", "48", "text", "32.5"}) {
    EXPECT_TRUE(is_wrong_usage(convert({"--weights", "int4", "--group", value}), "--group", value,
                               "{32,64,128}"));
  }
  EXPECT_EQ(files_out(), 0);
  EXPECT_EQ(convert({"--weights", "int4", "--group", "128", "--max-error", "inf"}).exit_code, 0);
}

TEST_F(ConvertCommandTest, SaysWhyItDidNotCalibrate) {
  // [CLS] and [SEP] are beyond the tokens that the model has.
  put("vocab.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
  const Outcome outcome =
      run({"convert", checkpoint(), "-o", out_path("m.lw"), "--weights", "int8"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(converters::has(outcome.err, "no text has", "without calibration"));
}

TEST_F(InspectCommandTest, SummaryAndJson) {
  for (const std::string& path : {model(), checkpoint()}) {
    const Outcome plain = run({"inspect", path});
    EXPECT_EQ(plain.exit_code, 0) << plain.err;
    EXPECT_TRUE(converters::has(plain.out, "bert", "sentence_embedding", "24 tokens"));
    // A model file records its sources; a checkpoint is the source.
    EXPECT_EQ(converters::has(plain.out, "SHA-256"), path == model());

    const Outcome outcome = run({"inspect", path, "--json", "--graph", "--tensors"});
    ASSERT_EQ(outcome.objects().size(), 1u) << outcome.err;
    const nlohmann::json json = outcome.objects()[0];
    EXPECT_EQ(json["family"], "bert");
    EXPECT_EQ(json["max_tokens"], 24);
    EXPECT_EQ(json["max_text_tokens"], 8);
    EXPECT_EQ(json["weights"], "f32");
    EXPECT_FALSE(json["graph"].empty());
    EXPECT_FALSE(json["tensors"].empty());
  }
}

TEST_F(InspectCommandTest, AnErrorWithoutEndIsNotNone) {
  Tensor& norm = tensors_.at("embeddings.LayerNorm.weight");
  std::fill_n(norm.as<float>(), kHidden, 1e37F);
  write();
  const Outcome converted =
      run({"convert", checkpoint(), "-o", out_path("m.lw"), "--weights", "int8"});
  EXPECT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_TRUE(converters::has(converted.err, "relative error inf"));
  EXPECT_TRUE(converters::has(run({"inspect", out_path("m.lw")}).out, "relative error inf"));
}

TEST_F(InspectCommandTest, GraphsOfACheckpointBeforeAndAfterFusion) {
  const Outcome fused = run({"inspect", model(), "--graph"});
  EXPECT_EQ(fused.exit_code, 0);
  EXPECT_EQ(fused.out.find("before fusion"), std::string::npos);
  const Outcome both = run({"inspect", checkpoint(), "--graph"});
  EXPECT_TRUE(converters::has(both.out, "before fusion:\n", "after fusion:\n" + fused.out));
}

TEST_F(InspectCommandTest, WritesGraphviz) {
  const Outcome fused = run({"inspect", model(), "--dot", out_path("g.dot")});
  EXPECT_EQ(fused.exit_code, 0);
  EXPECT_TRUE(converters::has(fused.err, "only the graph after fusion"));
  EXPECT_EQ(contents(out_path("g.dot")).rfind("digraph", 0), 0u);
  EXPECT_FALSE(converters::has(contents(out_path("g.dot")), "fusion"));

  const Outcome both = run({"inspect", checkpoint(), "--dot", out_path("both.dot")});
  EXPECT_EQ(both.exit_code, 0) << both.err;
  EXPECT_FALSE(converters::has(both.err, "fusion"));
  EXPECT_TRUE(converters::has(contents(out_path("both.dot")), "before fusion", "after fusion",
                              "encoder.layer.0.attention.self.query",
                              "encoder.layer.0.attention.self.qkv"));
  EXPECT_TRUE(is_error(run({"inspect", model(), "--dot", out_path("none/g.dot")}), "none"));
}

TEST_F(InspectCommandTest, WhatIsNoModel) {
  EXPECT_TRUE(is_error(run({"inspect", out_path("absent.lw")}), "absent.lw"));
  std::ofstream(out_path("text.lw")) << "some text";
  EXPECT_TRUE(is_error(run({"inspect", out_path("text.lw")}), "text.lw"));
  // A name must not break the message's line.
  EXPECT_TRUE(is_error(run({"inspect", "two\nlines"})));
}

}  // namespace
}  // namespace lanewise::cli
