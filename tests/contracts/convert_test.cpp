// Conversions with allocations that fail: an error, no file, and nothing of one.

#include "lanewise/convert.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::test {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ConvertContract : public TinyModels {
 protected:
  void SetUp() override {
    TinyModels::SetUp();
    options_.report = nullptr;
  }

  /// Converts `source`; the bytes are those of the file.
  void sweep_convert(const std::string& name, const std::string& source) {
    const std::string out = destination();
    expect_contract(
        "convert, " + name,
        [&] {
          std::filesystem::remove(out);
          return 0;
        },
        [&](int) { return convert(source, out, options_); },
        [&](int, const Status&) {
          EXPECT_EQ(files_out(), 1);
          return read(out);
        });
  }
  void sweep_convert(const std::string& name) { sweep_convert(name, source_.string()); }
};

TEST_F(ConvertContract, FloatingPointTypes) {
  put_bert();
  for (const char* weights : {"f32", "bf16"}) {
    options_.weights = weights;
    sweep_convert(weights);
  }
}

TEST_F(ConvertContract, EveryFamily) {
  put_translator();
  sweep_convert("torch_transformer");
  put_recurrent();
  sweep_convert("rnn_seq2seq");
}

TEST_F(ConvertContract, EveryFormat) {
  put_bert();
  std::filesystem::remove(path("model.safetensors"));
  const converters::TorchTensors torch = converters::torch_tensors(tensors_);
  put("pytorch_model.bin", converters::torch_zip(torch.pickle, torch.storages));
  sweep_convert("torch.save()");
  put("pytorch_model.bin", converters::torch_zip(torch.pickle, torch.storages, true));
  sweep_convert("torch.save(), deflated");
  put("pytorch_model.bin",
      converters::torch_legacy(torch.pickle, torch.storages, torch.element_bytes));
  sweep_convert("torch.save(), legacy");
  std::filesystem::remove(path("pytorch_model.bin"));
  put("weights.npz", converters::npz_of(tensors_));
  sweep_convert("npz");
}

TEST_F(ConvertContract, Load) {
  put_bert();
  const std::string source = source_.string();
  expect_contract(
      "load, a checkpoint", [&] { return load(source, options_); },
      [](const Result<Model>& model) { return model->info().family; });
  const std::string model_file = file();
  expect_contract(
      "load, a model file", [&] { return load(model_file, options_); },
      [](const Result<Model>& model) { return model->info().family; });
  expect_contract(
      "describe_textbook_graph", [&] { return describe_textbook_graph(source, options_); },
      [](const Result<std::string>& text) { return *text; });
}

TEST_F(ConvertContract, Refuses) {
  sweep_convert("no folder", path("absent"));
  options_.weights = "a type that nobody knows";
  sweep_convert("unknown type");
}

}  // namespace
}  // namespace lanewise::test
