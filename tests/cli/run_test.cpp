#include <gtest/gtest.h>

#include <string>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

class RunCommandTest : public ProgramTest {
 protected:
  /// input_ids of two rows, 3 and 2 tokens.
  TensorMap inputs() {
    TensorMap tensors;
    tensors["input_ids"] = Tensor(DataType::kI64, {2, 3});
    tensors["attention_mask"] = Tensor(DataType::kI64, {2, 3});
    const int64_t ids[] = {2, 5, 3, 2, 3, 0}, mask[] = {1, 1, 1, 1, 1, 0};
    std::copy(std::begin(ids), std::end(ids), tensors["input_ids"].as<int64_t>());
    std::copy(std::begin(mask), std::end(mask), tensors["attention_mask"].as<int64_t>());
    return tensors;
  }

  Outcome run_on(const TensorMap& tensors) {
    write_tensors("in.safetensors", tensors);
    return run({"run", model(), "--inputs", path("in.safetensors"), "--outputs",
                out_path("out.safetensors")});
  }
};

TEST_F(RunCommandTest, WritesEveryOutput) {
  const Outcome outcome = run_on(inputs());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const Result<file::MappedFile> file = file::MappedFile::open(out_path("out.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto view = file::SafetensorsView::parse(file->bytes(), "out");
  ASSERT_TRUE(view.ok()) << view.status().message();
  const file::TensorEntry* hidden = view->find("last_hidden_state");
  ASSERT_NE(hidden, nullptr);
  EXPECT_EQ(hidden->shape, (Shape{2, 3, 20}));
  const file::TensorEntry* sentence = view->find("sentence_embedding");
  ASSERT_NE(sentence, nullptr);
  EXPECT_EQ(sentence->shape, (Shape{2, 20}));
  const auto* values = view->view(*hidden).as<float>();
  for (size_t i = 5 * 20; i < 6 * 20; ++i) EXPECT_EQ(values[i], 0.0F);  // A padded position.
}

TEST_F(RunCommandTest, InputsFromStdin) {
  EXPECT_EQ(run_on(inputs()).exit_code, 0);
  const std::string wanted = contents(out_path("out.safetensors"));
  const Outcome outcome = run({"run", model(), "--inputs", "-", "--outputs", out_path("two")},
                              contents(path("in.safetensors")));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(contents(out_path("two")), wanted);
}

TEST_F(RunCommandTest, BadInputLeavesNothing) {
  TensorMap tensors = inputs();
  tensors["input_ids"].as<int64_t>()[1] = 13;
  EXPECT_TRUE(is_error(run_on(tensors), "input_ids", "13"));
  tensors = inputs();
  tensors["surplus"] = Tensor(DataType::kF32, {1});
  EXPECT_TRUE(is_error(run_on(tensors), "surplus"));
  tensors = inputs();
  tensors.erase("input_ids");
  EXPECT_TRUE(is_error(run_on(tensors), "input_ids"));
  tensors = inputs();
  tensors["attention_mask"].as<int64_t>()[1] = 0;
  EXPECT_TRUE(is_error(run_on(tensors), "attention_mask"));
  tensors = inputs();
  tensors["input_ids"] = Tensor(DataType::kI64, {1, 25});
  tensors.erase("attention_mask");
  EXPECT_TRUE(is_error(run_on(tensors), "25", "24"));
  put("in.safetensors", "not tensors");
  const std::string out = out_path("out.safetensors");
  EXPECT_TRUE(is_error(run({"run", model(), "--inputs", path("in.safetensors"), "--outputs", out}),
                       "in.safetensors"));
  EXPECT_TRUE(
      is_error(run({"run", model(), "--inputs", path("absent"), "--outputs", out}), "absent"));
  EXPECT_TRUE(
      is_error(run({"run", model(), "--inputs", path("absent"), "--outputs", out_path("none/out")}),
               "none"));
  EXPECT_EQ(files_out(), 0);
}

}  // namespace
}  // namespace lanewise::cli
