// Conversions with allocations that fail: an error, no file, and nothing of one.

#include "lanewise/convert.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"
#include "tests/converters/gguf_model_file.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/torch_writer.hpp"
#include "tests/read_file.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::test {
namespace {

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
          return read_file(out);
        });
  }
  /// One of the models of make_hf_seq2seq_golden.py, without tokenizers.
  void put_hugging_face(const std::string& variant) {
    converters::HfCheckpoint checkpoint = converters::hf_checkpoint(variant);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    write();
    if (!checkpoint.generation_config.empty()) {
      put("generation_config.json", checkpoint.generation_config);
    }
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

/// Several threads measure, quantise and compare.
TEST_F(ConvertContract, QuantisedWeights) {
  put_recurrent();
  options_.threads = 2;
  for (const char* weights : {"int8", "int4"}) {
    options_.weights = weights;
    options_.max_error = 1;
    sweep_convert(weights);
  }
  options_.max_error = 0.02;
  sweep_convert("int4, some weights at higher precision");
}

TEST_F(ConvertContract, QuantisedByTexts) {
  put_bert();
  put("texts.txt", "a b c\nd e\na a b\nc\n");
  options_.calibrate = path("texts.txt");
  options_.weights = "int8";
  options_.threads = 1;
  const OneDnnMayFail one_dnn;
  sweep_convert("int8, by texts");
}

TEST_F(ConvertContract, HuggingFaceSeq2Seq) {
  const SparseSweeps sparse;
  std::vector<const char*> variants = {"bart", "t5_gated", "mbart", "m2m_100", "pegasus"};
  // With sanitizers each takes half a minute, and the others differ from BART in few lines.
  if (!std::string_view(LANEWISE_TEST_SANITIZERS).empty()) variants.resize(2);
  for (const char* variant : variants) {
    put_hugging_face(variant);
    sweep_convert(variant);
  }
}

/// Its tokenizers are made of SentencePiece models and files beside them.
TEST_F(ConvertContract, MarianWithTokenizers) {
  const SparseSweeps sparse;
  put_hugging_face("marian_split");
  for (const char* name : {"source.spm", "target.spm"}) {
    put(name, text::read_subword_data("unigram.model"));
  }
  const char* vocabulary = R"({"</s>": 0, "<unk>": 1, "<pad>": 2, "\u2581a": 3, "\u2581.": 4})";
  put("vocab.json", vocabulary);
  put("target_vocab.json", vocabulary);
  put("tokenizer_config.json",
      R"({"separate_vocabs": true, "clean_up_tokenization_spaces": true})");
  sweep_convert("marian, with tokenizers");
}

TEST_F(ConvertContract, Decoder) {
  put_decoder();
  sweep_convert("llama");
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
  expect_contract(
      "describe_checkpoint", [&] { return describe_checkpoint(source, options_); },
      [](const Result<CheckpointContents>& contents) { return contents->tokenizer; });
}

TEST_F(ConvertContract, CheckpointsWrittenAgain) {
  const SparseSweeps sparse;
  put_bert();
  const std::string source = source_.string();
  const std::string folder = (root_ / "out" / "made").string();
  expect_contract(
      "export_checkpoint",
      [&] {
        std::filesystem::remove_all(folder);
        return 0;
      },
      [&](int) { return export_checkpoint(source, folder, options_); },
      [&](int, const Status&) {
        EXPECT_EQ(files_out(), 1);
        return read_file(folder + "/model.safetensors");
      });
}

TEST_F(ConvertContract, Checksums) {
  put_bert();
  const Model model = open();
  expect_contract(
      "verify", [&] { return verify(model); }, [](const Status&) { return std::string(); });
}

TEST_F(ConvertContract, Adapters) {
  const SparseSweeps sparse;
  put_bert();
  const std::string query = "base_model.model.encoder.layer.0.attention.self.query";
  write_tensors("../adapter/adapter_model.safetensors",
                {{query + ".lora_A.weight", Tensor(DataType::kF32, {2, kHidden})},
                 {query + ".lora_B.weight", Tensor(DataType::kF32, {kHidden, 2})}});
  put("../adapter/adapter_config.json",
      R"({"peft_type": "LORA", "base_model_name_or_path": "../source", "r": 2})");
  sweep_convert("LoRA", (root_ / "adapter").string());
}

TEST_F(ConvertContract, Gguf) {
  converters::HfCheckpoint checkpoint = converters::hf_checkpoint("qwen2", converters::kHfDecoders);
  checkpoint.tensors["model.embed_tokens.weight"] =
      converters::hf_weight("model.embed_tokens.weight", {270, 60}, 0);
  checkpoint.tensors["lm_head.weight"] = converters::hf_weight("lm_head.weight", {270, 60}, 0);
  checkpoint.config.erase("use_sliding_window");
  converters::GgufModelFile file = converters::gguf_model_file(checkpoint);
  converters::add_byte_level_tokenizer(file, 270);
  put("model.gguf", file.bytes());
  sweep_convert("GGUF");
}

TEST_F(ConvertContract, Refuses) {
  sweep_convert("no folder", path("absent"));
  options_.weights = "a type that nobody knows";
  sweep_convert("unknown type");
}

}  // namespace
}  // namespace lanewise::test
