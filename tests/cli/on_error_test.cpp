// generate --on-error: texts that the model cannot take, among others.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.hpp"
#include "tests/test_data.hpp"

namespace lanewise::cli {
namespace {

/// The bundled model reads up to 64 letters, and knows only English ones.
class OnErrorTest : public ProgramTest {
 protected:
  static Outcome generate(std::vector<std::string> arguments, const std::string& input) {
    arguments.insert(arguments.begin(), {"generate", bundled_model_folder()});
    return run(std::move(arguments), input);
  }

  /// Ids of letters, as `tokenize` prints them.
  std::string rows_file(const std::vector<std::vector<int64_t>>& rows) {
    size_t longest = 0;
    for (const auto& row : rows) longest = std::max(longest, row.size());
    const Shape shape = {static_cast<int64_t>(rows.size()), static_cast<int64_t>(longest)};
    TensorMap tensors;
    Tensor ids(DataType::kI64, shape);
    Tensor mask(DataType::kI64, shape);
    for (size_t r = 0; r < rows.size(); ++r) {
      for (size_t i = 0; i < rows[r].size(); ++i) {
        ids.as<int64_t>()[r * longest + i] = rows[r][i];
        mask.as<int64_t>()[r * longest + i] = 1;
      }
    }
    tensors["input_ids"] = std::move(ids);
    tensors["attention_mask"] = std::move(mask);
    write_tensors("rows.safetensors", tensors);
    return path("rows.safetensors");
  }
};

const std::string kLong(65, 'a');
const std::string kInput = "cat\n" + kLong + "\nna\xc3\xafve\n\n\xff\ntransformer\n";
constexpr const char* kCat = "K AE1 T";
constexpr const char* kTransformer = "T R AE0 N S F AO1 R M ER0";

TEST_F(OnErrorTest, StopWritesTheResultsBeforeIt) {
  for (const auto& flags : std::vector<std::vector<std::string>>{{}, {"--on-error", "stop"}}) {
    const Outcome outcome = generate(flags, kInput);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, std::string(kCat) + "\n");
    EXPECT_EQ(
        outcome.err,
        "lanewise: error: standard input: line 2: the text has 65 tokens; this model takes up "
        "to 64\n");
  }
}

TEST_F(OnErrorTest, SkipKeepsTheOthersAndTheirLines) {
  const Outcome outcome = generate({"--on-error", "skip"}, kInput);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.lines(), (std::vector<std::string>{kCat, "", "", "", "", kTransformer}));
  for (const char* const part : {"line 2: the text has 65 tokens", "line 3",
                                 "line 4: the text is empty", "line 5", "UTF-8"}) {
    EXPECT_TRUE(converters::has(outcome.err, part));
  }
  EXPECT_EQ(generate({"--on-error", "skip", "--stream"}, kInput).out, outcome.out);
  // What is left out is reported even with --quiet.
  EXPECT_EQ(generate({"--on-error", "skip", "--quiet"}, kInput).err, outcome.err);
  EXPECT_EQ(generate({"--on-error", "skip"}, "cat\n").exit_code, 0);
  const Outcome nothing = generate({"--on-error", "skip"}, "\n");
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_EQ(nothing.out, "\n");
}

TEST_F(OnErrorTest, SkippedSourcesAreObjectsToo) {
  const auto objects = generate({"--on-error", "skip", "--json"}, kInput).objects();
  ASSERT_EQ(objects.size(), 6u);
  EXPECT_EQ(objects[0]["text"], kCat);
  EXPECT_FALSE(objects[0].contains("error"));
  EXPECT_EQ(objects[5]["text"], kTransformer);
  for (size_t i = 1; i < 5; ++i) {
    EXPECT_TRUE(objects[i]["text"].is_null());
    EXPECT_TRUE(converters::has(objects[i]["error"].get<std::string>(),
                                "line " + std::to_string(i + 1) + ": "));
  }
}

TEST_F(OnErrorTest, TruncateCutsWhatIsTooLongAndSkipsTheRest) {
  const Outcome outcome = generate({"--on-error", "truncate"}, kInput);
  EXPECT_EQ(outcome.exit_code, 3);
  ASSERT_EQ(outcome.lines().size(), 6u);
  EXPECT_EQ(outcome.lines()[1] + "\n", generate({}, kLong.substr(0, 64)).out);
  EXPECT_TRUE(converters::has(outcome.err, "line 2: truncated to the 64 tokens"));
  EXPECT_EQ(outcome.lines()[5], kTransformer);
  const Outcome all = generate({"--on-error", "truncate", "--quiet"}, "cat\n" + kLong + "\n");
  EXPECT_EQ(all.exit_code, 0);
  EXPECT_EQ(all.err, "");
}

TEST_F(OnErrorTest, RowsOfIdsAreTakenAlike) {
  const std::vector<int64_t> cat =
      run({"tokenize", bundled_model_folder(), "--json", "cat"}).objects().at(0)["ids"];
  const std::vector<int64_t> too_long(70, cat[0]);
  const std::string path = rows_file({cat, too_long, {cat[0], 4000}, cat});
  const auto rows = [&](const std::string& how) {
    return generate({"--input-ids", path, "--on-error", how}, "");
  };
  const Outcome stopped = rows("stop");
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_EQ(stopped.lines(), (std::vector<std::string>{kCat}));
  EXPECT_TRUE(converters::has(stopped.err, "source 2", "70"));
  const Outcome skipped = rows("skip");
  EXPECT_EQ(skipped.exit_code, 3);
  EXPECT_EQ(skipped.lines(), (std::vector<std::string>{kCat, "", "", kCat}));
  EXPECT_TRUE(converters::has(skipped.err, "source 2", "source 3", "4000"));
  const Outcome cut = rows("truncate");
  EXPECT_EQ(cut.exit_code, 3);
  EXPECT_NE(cut.lines().at(1), "");
  EXPECT_EQ(cut.lines().at(2), "");
}

TEST_F(OnErrorTest, OptionsAreNoTextsToSkip) {
  const Outcome outcome =
      generate({"--on-error", "skip", "--num-return-sequences", "3"}, "cat\ndog\n");
  EXPECT_TRUE(is_error(outcome, "num_return_sequences"));
  EXPECT_TRUE(is_wrong_usage(generate({"--on-error", "ignore"}, ""), "--on-error"));
}

class EmbedOnErrorTest : public ProgramTest {
 protected:
  Outcome embed(std::vector<std::string> arguments, const std::string& input) {
    arguments.insert(arguments.begin(), {"embed", model()});
    return run(std::move(arguments), input);
  }
};

TEST_F(EmbedOnErrorTest, StopWritesTheVectorsBeforeIt) {
  const Outcome outcome = embed({}, "a\nb\n\xff\nc\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, embed({}, "a\nb\n").out);
  EXPECT_EQ(outcome.err, "lanewise: error: standard input: line 3: text is not UTF-8 at byte 0\n");
  // A file appears complete or not at all.
  const std::string file = out_path("v.npy");
  EXPECT_TRUE(is_error(embed({"--output", file}, "a\n\xff\n"), "line 2"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(EmbedOnErrorTest, SkipKeepsTheOthersAndTheirPlaces) {
  const std::string input = "\xff\na\nb\nc\xc3\n\xfe\nd\n";
  const std::vector<std::string> good = embed({}, "a\nb\nd\n").lines();
  const Outcome plain = embed({"--on-error", "skip"}, input);
  EXPECT_EQ(plain.exit_code, 3);
  EXPECT_EQ(plain.lines(), (std::vector<std::string>{"", good[0], good[1], "", "", good[2]}));
  EXPECT_TRUE(converters::has(plain.err, "line 1", "line 4", "line 5"));
  const std::string npy = out_path("v.npy");
  const std::string jsonl = out_path("v.jsonl");
  EXPECT_EQ(embed({"--on-error", "skip", "--output", npy}, input).exit_code, 3);
  EXPECT_EQ(embed({"--on-error", "skip", "--output", jsonl}, input).exit_code, 3);
  const Outcome json = embed({"--on-error", "skip", "--json"}, input);
  EXPECT_EQ(contents(jsonl), json.out);
  const auto objects = json.objects();
  ASSERT_EQ(objects.size(), 6u);
  EXPECT_EQ(objects[1]["text"], "a");
  for (const size_t i : {0, 3, 4}) EXPECT_TRUE(objects[i]["text"].is_null()) << i;
  EXPECT_TRUE(objects[3]["embedding"].is_null());
  EXPECT_TRUE(converters::has(objects[3]["error"].get<std::string>(), "line 4: "));
  const std::string array = contents(npy);
  std::vector<float> rows(6 * 20);
  ASSERT_GT(array.size(), rows.size() * sizeof(float));
  std::memcpy(rows.data(), array.data() + array.size() - rows.size() * sizeof(float),
              rows.size() * sizeof(float));
  for (size_t i = 0; i < 6; ++i) {
    const bool left_out = objects[i]["embedding"].is_null();
    EXPECT_EQ(std::isnan(rows[i * 20]), left_out) << i;
    if (left_out) continue;
    EXPECT_EQ(rows[i * 20], objects[i]["embedding"][0].get<float>()) << i;
  }
}

TEST_F(EmbedOnErrorTest, TextsThatAreTooLongAreCutAnyway) {
  EXPECT_TRUE(is_wrong_usage(embed({"--on-error", "truncate"}, "a\n"), "--on-error"));
}

}  // namespace
}  // namespace lanewise::cli
