#include "tests/contracts/tiny_models.hpp"

#include <filesystem>

#include "tests/contracts/sweep.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::test {

void TinyModels::put_bert() {
  write_all();
  put("config_sentence_transformers.json",
      R"({"prompts": {"query": "a b ", "document": ""}, "default_prompt_name": null})");
}

void TinyModels::put_decoder() {
  converters::HfCheckpoint checkpoint = converters::hf_checkpoint("llama", converters::kHfDecoders);
  config_ = std::move(checkpoint.config);
  tensors_ = std::move(checkpoint.tensors);
  write();
}

void TinyModels::put_translator() {
  tensors_ = converters::torch_state_dict({.width = 20,
                                           .hidden = 36,
                                           .encoder_layers = 1,
                                           .decoder_layers = 1,
                                           .source_tokens = 7,
                                           .target_tokens = 6});
  config_ = {{"model_type", "\"torch_transformer\""},
             {"nhead", "4"},
             {"max_length", "16"},
             {"bos_token_id", "1"},
             {"eos_token_id", "2"},
             {"pad_token_id", "0"},
             {"source_split", "\"characters\""},
             {"source_vocabulary", R"(["<pad>", "<s>", "</s>", "a", "b", "c", "'"])"},
             {"target_vocabulary", R"(["<pad>", "<s>", "</s>", "AA", "B", "K"])"}};
  write();
}

void TinyModels::put_recurrent() {
  use(converters::find_rnn_case("gru2_bi_sum"));
  write();
}

std::string TinyModels::file() {
  if (!std::filesystem::exists(destination())) {
    const Status status = convert_folder();
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return destination();
}

Batch::Batch(const std::vector<int32_t>& lengths, int32_t vocabulary) : lengths_(lengths) {
  for (const int32_t length : lengths) {
    for (int32_t i = 0; i < length; ++i) {
      ids_.push_back(static_cast<int32_t>(7 * ids_.size() + 3) % vocabulary);
    }
  }
}

std::string output_bits(const Session& session, std::string_view output) {
  const Session::Rows rows = expect_ok(session.output(output));
  std::string bits;
  for (int64_t row = 0; row < rows.rows; ++row) {
    bits += bytes(rows.data + row * rows.stride, static_cast<size_t>(rows.features));
  }
  return bits;
}

}  // namespace lanewise::test
