#include "tests/converters/rnn_checkpoint.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kSourceWidth = 18;
constexpr int64_t kConcat = 17;
constexpr float kScale = 4.0F;

/// The state dict, computed as in the script.
class RnnCheckpointStateDict {
 public:
  explicit RnnCheckpointStateDict(const RnnCase& c) {
    add("encoder.embedding.weight", {kSourceTokens, kSourceWidth});
    add("decoder.embedding.weight", {kTargetTokens, kTargetWidth});
    rnn("encoder.rnn", c, kSourceWidth, kUnits, c.bidirectional);
    rnn("decoder.rnn", c, kTargetWidth, c.decoder_units(), false);
    int64_t width = c.decoder_units();
    if (c.attention == "general") add("decoder.attention.weight", {width, c.memory()});
    if (c.attention == "additive") {
      add("decoder.attention.query.weight", {kDepth, width});
      add("decoder.attention.key.weight", {kDepth, c.memory()});
      add("decoder.attention.value.weight", {1, kDepth});
    }
    if (!c.attention.empty()) {
      linear("decoder.concat", kConcat, width + c.memory());
      width = kConcat;
    }
    linear("decoder.out", kTargetTokens, width);
  }

  TensorMap take() && { return std::move(tensors_); }

 private:
  void add(const std::string& name, const Shape& shape) {
    Tensor tensor = torch_weight(name, shape);
    for (int64_t i = 0; i < *element_count(shape); ++i) tensor.as<float>()[i] *= kScale;
    tensors_[name] = std::move(tensor);
  }

  void linear(const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }

  void rnn(const std::string& name, const RnnCase& c, int64_t width, int64_t units,
           bool bidirectional) {
    const int64_t rows = (c.lstm() ? 4 : 3) * units;
    for (int64_t layer = 0; layer < c.layers; ++layer) {
      for (const std::string suffix : {"", "_reverse"}) {
        if (!suffix.empty() && !bidirectional) continue;
        const std::string end = "_l" + std::to_string(layer) + suffix;
        add(name + ".weight_ih" + end, {rows, width});
        add(name + ".weight_hh" + end, {rows, units});
        add(name + ".bias_ih" + end, {rows});
        add(name + ".bias_hh" + end, {rows});
      }
      width = bidirectional ? 2 * units : units;
    }
  }

  TensorMap tensors_;
};

}  // namespace

void PrintTo(const RnnCase& c, std::ostream* out) { *out << c.name; }

const std::vector<RnnCase>& rnn_cases() {
  static const std::vector<RnnCase> all = {
      {"gru", "gru", 1, false, "concat", "last", ""},
      {"gru2", "gru", 2, false, "concat", "last", "dot"},
      {"gru_bi_concat", "gru", 1, true, "concat", "concat_directions", "dot"},
      {"gru2_bi_sum", "gru", 2, true, "sum", "first_layers", "general"},
      {"gru_bi_general", "gru", 1, true, "concat", "first_layers", "general"},
      {"lstm", "lstm", 1, false, "concat", "last", ""},
      {"lstm2_bi_concat", "lstm", 2, true, "concat", "concat_directions", "additive"},
      {"lstm_bi_sum", "lstm", 1, true, "sum", "first_layers", "dot"},
      {"lstm2", "lstm", 2, false, "concat", "last", "additive"},
  };
  return all;
}

const RnnCase& find_rnn_case(const std::string& name) {
  return *std::ranges::find(rnn_cases(), name, &RnnCase::name);
}

void RnnSeq2SeqTest::use(const RnnCase& c) {
  tensors_ = RnnCheckpointStateDict(c).take();
  config_ = {{"model_type", "\"rnn_seq2seq\""},
             {"cell", '"' + c.cell + '"'},
             {"num_layers", std::to_string(c.layers)},
             {"bidirectional", c.bidirectional ? "true" : "false"},
             {"bidirectional_merge", '"' + c.merge + '"'},
             {"decoder_init", '"' + c.init + '"'},
             {"attention", c.attention.empty() ? "null" : '"' + c.attention + '"'},
             {"bos_token_id", "1"},
             {"eos_token_id", "2"},
             {"pad_token_id", "0"}};
}

}  // namespace lanewise::converters
