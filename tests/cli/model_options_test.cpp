// Unsupported settings in a model's generation_config.json: they affect only generation, and flags
// replace them.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::cli {
namespace {

/// A BART of 61 tokens with only a word tokenizer.
class ModelOptionsTest : public converters::CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    converters::HfCheckpoint checkpoint = converters::hf_checkpoint("bart");
    config_ = std::move(checkpoint.config);
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
    put("tokenizer.json", R"({"model": {"type": "WordLevel", "unk_token": "u",
        "vocab": {"s": 0, "p": 1, "e": 2, "u": 3, "a": 6, "b": 7}},
        "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": []})");
    Tensor ids(DataType::kI64, {1, 2});
    ids.as<int64_t>()[0] = 6;
    ids.as<int64_t>()[1] = 7;
    TensorMap inputs;
    inputs["input_ids"] = ids;
    write_tensors("ids.safetensors", inputs);
    inputs["decoder_input_ids"] = ids;
    write_tensors("both.safetensors", inputs);
  }

  void put_options(const std::string& fields) {
    put("generation_config.json",
        R"({"decoder_start_token_id": 2, "eos_token_id": 2, "max_length": 12, )" + fields + "}");
  }

  Outcome generate(std::vector<std::string> flags, const std::string& model) {
    flags.insert(flags.begin(),
                 {"generate", model, "--input-ids", path("ids.safetensors"), "--quiet"});
    return run(std::move(flags));
  }

  /// Expects `name` with `flags` to fail, from the folder and from a file, and all else to work.
  void expect_refused(const std::string& fields, const std::string& name,
                      const std::vector<std::string>& flags = {}) {
    put_options(fields);
    const std::string folder = source_.string();
    for (const std::string& model : {folder, converted_file()}) {
      EXPECT_TRUE(is_error(generate(flags, model), "'" + name + "'")) << fields;
    }
    const std::string out = (root_ / "out.safetensors").string();
    EXPECT_EQ(
        run({"run", folder, "--inputs", path("both.safetensors"), "--outputs", out}).exit_code, 0);
    EXPECT_EQ(run({"tokenize", folder, "a b"}).exit_code, 0);
    const Outcome facts = run({"inspect", folder});
    EXPECT_EQ(facts.exit_code, 0);
    if (fields.find("_length") == std::string::npos && name != "num_return_sequences") {
      EXPECT_TRUE(converters::has(facts.out, "unsupported", name));
    }
  }

  /// Expects the same ids with `flags` as from a model without settings.
  void expect_replaced(const std::string& fields, const std::vector<std::string>& flags) {
    put_options(R"("num_beams": 1)");
    const Outcome plain = generate(flags, source_.string());
    ASSERT_EQ(plain.exit_code, 0) << plain.err;
    put_options(fields);
    const std::string folder = source_.string();
    for (const std::string& model : {folder, converted_file()}) {
      const Outcome outcome = generate(flags, model);
      EXPECT_EQ(outcome.exit_code, 0) << fields << outcome.err;
      EXPECT_EQ(outcome.out, plain.out) << fields;
    }
  }

  std::string converted_file() {
    EXPECT_EQ(run({"convert", source_.string(), "-o", destination(), "--quiet"}).exit_code, 0);
    return destination();
  }
};

TEST_F(ModelOptionsTest, AreRefusedWhereTheyWouldBeObeyed) {
  expect_refused(R"("stop_strings": [""])", "stop_strings");
  expect_refused(R"("max_time": 2.0)", "max_time");
  expect_refused(R"("constraints": [1])", "constraints", {"--beams", "4"});
  expect_refused(R"("force_words_ids": [[6]], "num_beams": 4)", "force_words_ids");
  expect_refused(R"("num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5)",
                 "num_beam_groups");
  expect_refused(R"("do_sample": true, "num_beams": 4)", "do_sample");
  expect_refused(R"("do_sample": true, "typical_p": 0.5)", "typical_p");
  expect_refused(R"("forced_decoder_ids": [[1, 6]])", "forced_decoder_ids", {"--beams", "1"});
  expect_refused(R"("penalty_alpha": 0.6, "top_k": 4)", "penalty_alpha");
  expect_refused(R"("num_beams": 500)", "num_beams", {"--max-new-tokens", "4"});
  expect_refused(R"("eos_token_id": 4000)", "eos_token_id");
  expect_refused(R"("repetition_penalty": "strong")", "repetition_penalty");
  expect_refused(R"("min_length": 20)", "min_length");
  expect_refused(R"("num_return_sequences": 2)", "num_return_sequences");
}

TEST_F(ModelOptionsTest, AreReplacedByFlags) {
  expect_replaced(R"("do_sample": true, "num_beams": 4)", {"--beams", "1"});
  expect_replaced(R"("do_sample": true, "num_beams": 4)", {"--beams", "3"});
  expect_replaced(R"("do_sample": true, "num_beams": 4, "top_k": 0)",
                  {"--temperature", "0.5", "--seed", "3"});
  expect_replaced(R"("do_sample": true, "typical_p": 0.5, "temperature": "hot")", {"--beams", "1"});
  expect_replaced(R"("do_sample": true, "min_p": 0.5)", {"--beams", "2"});
  expect_replaced(R"("do_sample": "often")", {"--beams", "1"});
  expect_replaced(R"("stop_strings": 3)", {"--stop", "never written"});
  expect_replaced(R"("sequence_bias": [[[6, 7], 1]])", {"--logit-bias", "6=0"});
  expect_replaced(R"("repetition_penalty": -1)", {"--repetition-penalty", "1"});
  expect_replaced(R"("do_sample": true, "min_p": 3)",
                  {"--temperature", "0.5", "--seed", "3", "--min-p", "0", "--top-k", "0"});
  expect_replaced(R"("num_beams": 500)", {"--beams", "2"});
  expect_replaced(R"("num_beam_groups": 2, "num_beams": 4)", {"--beams", "1"});
  expect_replaced(R"("penalty_alpha": 0.6)", {"--beams", "2"});
  expect_replaced(R"("max_new_tokens": -4)", {"--max-new-tokens", "5"});
  expect_replaced(R"("min_length": 20)", {"--max-new-tokens", "5", "--min-new-tokens", "2"});
  expect_replaced(R"("num_return_sequences": 3)", {"--beams", "2"});
}

TEST_F(ModelOptionsTest, DoNotMatterWhereTheyAreNotObeyed) {
  expect_replaced(R"("temperature": -1, "top_k": "few", "top_p": 7, "typical_p": [1])", {});
  expect_replaced(R"("length_penalty": 1000, "early_stopping": "perhaps")", {});
  expect_replaced(R"("num_beam_groups": 4)", {});
}

TEST_F(ModelOptionsTest, OldConfigsHaveTheseFieldsToo) {
  config_["stop_strings"] = R"([""])";
  config_["num_beams"] = "\"many\"";
  write_config();
  const std::string folder = source_.string();
  EXPECT_TRUE(is_error(generate({}, folder), "num_beams"));
  EXPECT_TRUE(is_error(generate({"--beams", "1"}, folder), "stop_strings"));
  EXPECT_EQ(run({"tokenize", folder, "a b"}).exit_code, 0);
}

TEST_F(ModelOptionsTest, RenormalisedLogitsChangeBeams) {
  const std::string fields = R"("num_beams": 4, "bad_words_ids": [[6], [7], [9], [12]])";
  put_options(fields);
  const Outcome plain = generate({"--json"}, source_.string());
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  put_options(fields + R"(, "renormalize_logits": true)");
  for (const std::string& model : {source_.string(), converted_file()}) {
    const Outcome again = generate({"--json"}, model);
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_GT(again.objects().at(0)["score"], plain.objects().at(0)["score"]);
    EXPECT_EQ(generate({"--beams", "1"}, model).exit_code, 0);
  }
}

}  // namespace
}  // namespace lanewise::cli
