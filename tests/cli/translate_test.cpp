// A tiny multilingual translator, with languages and tokens that it knows or lacks.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/read_file.hpp"
#include "tests/runtime/text_subword_golden.hpp"
#include "tests/test_data.hpp"

namespace lanewise::cli {
namespace {

/// An M2M100 of 61 tokens for up to 40 at once. The languages follow the eight tokens of
/// vocab.json; the model has no row for most of them.
class TranslateTest : public converters::CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    converters::HfCheckpoint checkpoint = converters::hf_checkpoint("m2m_100");
    config_ = std::move(checkpoint.config);
    write_config();
    put("generation_config.json", checkpoint.generation_config);
    put("tokenizer_config.json", R"({"src_lang": "en"})");
    put("vocab.json", R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3,
                          "▁": 4, "a": 5, "b": 6, "▁the": 7})");
    put("sentencepiece.bpe.model", text::read_subword_data("unigram.model"));
    write_tensors("model.safetensors", checkpoint.tensors);
  }

  Outcome generate(std::vector<std::string> arguments, std::string input = {}) {
    arguments.insert(arguments.begin(), {"generate", model_file(), "--quiet"});
    return run(std::move(arguments), std::move(input));
  }

  /// The folder, converted when it is first asked for: a hundred runs need not do so each.
  const std::string& model_file() {
    if (model_file_.empty()) {
      model_file_ = (root_ / "m.lw").string();
      EXPECT_EQ(run({"convert", source_.string(), "-o", model_file_, "--quiet"}).exit_code, 0);
    }
    return model_file_;
  }

  std::string contents_of(const std::string& name) const { return test::read_file(path(name)); }

  std::string tensor_file(const TensorMap& tensors) {
    write_tensors("in.safetensors", tensors);
    return path("in.safetensors");
  }

 private:
  std::string model_file_;
};

Tensor integers(const Shape& shape, const std::vector<int64_t>& values) {
  Tensor tensor(DataType::kI64, shape);
  std::copy(values.begin(), values.end(), tensor.as<int64_t>());
  return tensor;
}

TEST_F(TranslateTest, TargetLanguagesThatTheModelLacks) {
  EXPECT_EQ(generate({"--target-language", "de", "a"}).exit_code, 0);
  EXPECT_EQ(run({"generate", source_.string(), "--target-language", "de", "a"}).exit_code, 0);
  for (const char* name : {"xx", "fra_Latn", "</s>", "<pad>", "a", "__"}) {
    EXPECT_TRUE(is_error(generate({"--target-language", name, "a"}),
                         "unknown language '" + std::string(name) + "'; known: __af__, __am__"))
        << name;
  }
  EXPECT_TRUE(is_error(generate({"--target-language", "two\nlines", "a"}), "'two?lines'"));
  EXPECT_TRUE(is_error(generate({"--target-language", "zu", "a"}), "forced_bos_token_id", "107"));
  EXPECT_TRUE(is_wrong_usage(generate({"--target-language", "", "a"}), "--target-language"));
}

TEST_F(TranslateTest, AModelWithoutLanguagesTakesNone) {
  EXPECT_TRUE(is_error(run({"generate", bundled_model_folder(), "--target-language", "fr", "cat"}),
                       "unknown language 'fr': the model has no tokens for languages"));
  std::filesystem::remove(path("sentencepiece.bpe.model"));
  std::filesystem::remove(path("vocab.json"));
  EXPECT_TRUE(is_error(generate({"--target-language", "fr", "--input-ids",
                                 tensor_file({{"input_ids", integers({1, 2}, {5, 2})}})}),
                       "no tokenizer to look languages up in"));
}

TEST_F(TranslateTest, AnyTextIsTranslated) {
  const std::string texts[] = {"",          " \t ",         "\xE2\x9D\x84\xF0\x9F\xA6\x84",
                               "\r",        "\xEF\xBB\xBF", std::string("a\0b", 3),
                               "</s><pad>", "\x01\x7f"};
  for (const std::string& text : texts) {
    const Outcome outcome = generate({"--max-new-tokens", "2"}, text + "\n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.lines().size(), 1U);
  }
  const Outcome unknown = run({"tokenize", source_.string(), "--quiet"}, texts[2]);
  EXPECT_TRUE(converters::has(unknown.out, "<unk>:3"));
}

TEST_F(TranslateTest, TextsThatCannotBeTranslatedAreNamed) {
  const auto refused = [&](const std::string& text, const char* message) {
    EXPECT_TRUE(is_error(generate({}, text + "\na\n"), "standard input", "line 1", message));
  };
  for (const char* bad : {"\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80"}) {
    refused(bad, "text is not UTF-8 at byte ");
  }
  std::string words;
  for (int i = 0; i < 39; ++i) words += "the ";
  refused(words, "tokens; this model takes up to 40");
  EXPECT_TRUE(is_error(generate({"\xff", "a"}), "text 1", "not UTF-8"));
}

struct BadInput {
  std::string name;
  Tensor tensor;
  std::vector<std::string> message;
};

std::vector<BadInput> bad_inputs(const std::string& ids, const std::string& mask) {
  std::vector<BadInput> inputs;
  const auto add = [&](const std::string& name, Tensor tensor, std::vector<std::string> message) {
    message.push_back("'" + name + "'");
    inputs.push_back({name, std::move(tensor), std::move(message)});
  };
  add(ids, integers({2, 2}, {5, 61, 5, 2}), {"61", "0 to 60"});
  add(ids, integers({2, 2}, {5, -1, 5, 2}), {"-1", "out of range"});
  add(ids, integers({2, 2}, {5, 2, 5, int64_t{1} << 32}), {"4294967296", "out of range"});
  add(ids, integers({2}, {5, 2}), {"[batch, length]", "[2]"});
  add(ids, integers({2, 1, 1}, {5, 2}), {"[batch, length]", "[2, 1, 1]"});
  add(ids, integers({2, 0}, {}), {"empty", "[2, 0]"});
  add(ids, integers({2, 41}, std::vector<int64_t>(82, 5)), {"41 tokens", "1 to 40"});
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kU8, DataType::kI16}) {
    add(ids, Tensor(type, {2, 2}), {"expected I32 or I64", std::string(name_of(type))});
  }
  add(mask, integers({2, 3}, {1, 0, 1, 1, 1, 1}), {"row 0", "a zero between ones"});
  add(mask, integers({2, 3}, {1, 1, 1, 0, 0, 0}), {"row 1", "no token"});
  add(mask, integers({2, 3}, {1, 1, 1, 1, 2, 1}), {"row 1 holds 2"});
  add(mask, integers({2, 3}, {1, 1, 1, 1, -1, 1}), {"row 1 holds -1"});
  add(mask, integers({2, 2}, {1, 1, 1, 1}), {"[2, 3]", "found [2, 2]"});
  add(mask, integers({3}, {1, 1, 1}), {"found [3]"});
  add(mask, Tensor(DataType::kF32, {2, 3}), {"expected I32 or I64", "F32"});
  return inputs;
}

TensorMap good_inputs(bool with_decoder) {
  TensorMap tensors;
  const Tensor ids = integers({2, 3}, {5, 6, 2, 6, 5, 2});
  tensors["input_ids"] = Tensor(ids);
  if (with_decoder) tensors["decoder_input_ids"] = Tensor(ids);
  return tensors;
}

TEST_F(TranslateTest, IdsThatCannotBeReadAreNamed) {
  EXPECT_EQ(generate({"--input-ids", tensor_file(good_inputs(false))}).exit_code, 0);
  const auto refused = [&](const TensorMap& tensors, const std::vector<std::string>& message) {
    std::vector<std::string> parts = message;
    parts.insert(parts.begin(), "lanewise: error: ");
    EXPECT_TRUE(has_one_line(generate({"--input-ids", tensor_file(tensors)}), 1, parts));
  };
  for (BadInput& bad : bad_inputs("input_ids", "attention_mask")) {
    TensorMap tensors = good_inputs(false);
    tensors[bad.name] = std::move(bad.tensor);
    refused(tensors, bad.message);
  }
  refused(good_inputs(true), {"in.safetensors'", "unknown tensor 'decoder_input_ids'"});
  TensorMap mask;
  mask["attention_mask"] = integers({1, 1}, {1});
  refused(mask, {"in.safetensors'", "'input_ids' is missing"});
  put("cut.safetensors", contents_of("in.safetensors").substr(0, 20));
  EXPECT_TRUE(is_error(generate({"--input-ids", path("cut.safetensors")}), "cut.safetensors'"));
  EXPECT_TRUE(is_error(generate({"--input-ids", source_.string()}), "it is a directory"));
  EXPECT_TRUE(is_wrong_usage(generate({"--input-ids", ""}), "--input-ids", "an empty one"));
}

TEST_F(TranslateTest, RunNamesWhatItCannotReadOfEitherSide) {
  const std::string out = (root_ / "out" / "out.safetensors").string();
  const auto outcome = [&](const TensorMap& tensors) {
    return run(
        {"run", model_file(), "--quiet", "--inputs", tensor_file(tensors), "--outputs", out});
  };
  EXPECT_EQ(outcome(good_inputs(true)).exit_code, 0);
  std::filesystem::remove(out);
  for (const std::string side : {"", "decoder_"}) {
    const std::string ids = side + "input_ids";
    const std::string mask = side + "attention_mask";
    for (BadInput& bad : bad_inputs(ids, mask)) {
      TensorMap tensors = good_inputs(true);
      tensors[bad.name] = std::move(bad.tensor);
      std::vector<std::string> parts = bad.message;
      parts.insert(parts.begin(), "lanewise: error: ");
      EXPECT_TRUE(has_one_line(outcome(tensors), 1, parts)) << ids;
    }
    TensorMap tensors = good_inputs(true);
    tensors.erase(ids);
    EXPECT_TRUE(is_error(outcome(tensors), "'" + ids + "' is missing"));
  }
  TensorMap tensors = good_inputs(true);
  tensors["decoder_input_ids"] = integers({1, 2}, {5, 2});
  EXPECT_TRUE(is_error(outcome(tensors), "'decoder_input_ids': expected 2 rows", "found 1"));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(TranslateTest, WhatIsWrongWithTheFolderIsOneLineAndLeavesNothing) {
  const std::string out = (root_ / "out" / "m.lw").string();
  const auto convert = [&] { return run({"convert", source_.string(), "-o", out, "--quiet"}); };
  const auto refused = [&](const char* file, const char* contents, const char* message) {
    const std::string before = contents_of(file);
    put(file, contents);
    EXPECT_TRUE(is_error(convert(), message)) << file;
    put(file, before);
    EXPECT_EQ(files_out(), 0);
  };
  refused("config.json", R"({"model_type": "m2m_100", "d_model": "54"})", "'d_model': expected");
  refused("config.json", R"({"model_type": "nllb-moe"})", "nllb-moe");
  refused("generation_config.json", R"([{"num_beams": 1}])", "expected an object");
  refused("tokenizer_config.json", R"({"src_lang": "xx"})", "no language 'xx'");
  refused("vocab.json", R"({"<s>": 0})", "vocab.json has no token '<pad>'");
  refused("sentencepiece.bpe.model", "\x0a\x7f", "'sentencepiece.bpe.model'");
  EXPECT_EQ(convert().exit_code, 0);
}

}  // namespace
}  // namespace lanewise::cli
