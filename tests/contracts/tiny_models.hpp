#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "tests/converters/rnn_checkpoint.hpp"

namespace lanewise::test {

inline const SessionOptions kTwoThreads{.threads = 2};

/// Fails the test, and returns nothing that is worth using, unless `result` is a success.
template <typename T>
T expect_ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

/// Checkpoints of tiny models, whose calls take few allocations, and those as model files.
class TinyModels : public converters::RnnSeq2SeqTest {
 protected:
  /// The folder becomes a BERT with a tokenizer, vectors of texts and prompts.
  void put_bert();
  /// A Transformer with an encoder and a decoder, and a tokenizer for each.
  void put_translator();
  /// A LLaMA, a decoder alone, without a tokenizer.
  void put_decoder();
  /// A GRU with an encoder, a decoder and attention, without tokenizers.
  void put_recurrent();

  /// The model file of the folder, made once a test.
  std::string file();
  /// Opened anew: what a model makes at its first use is not made.
  Model open() { return expect_ok(Model::open(file())); }
};

/// Sequences of ids below `vocabulary`, and the ragged batch of them.
class Batch {
 public:
  Batch(const std::vector<int32_t>& lengths, int32_t vocabulary);
  /// With a decoder that is given as many ids.
  RaggedBatch both() const {
    return {.ids = ids_,
            .type_ids = {},
            .lengths = lengths_,
            .decoder_ids = ids_,
            .decoder_lengths = lengths_};
  }
  RaggedBatch encoder() const { return {.ids = ids_, .type_ids = {}, .lengths = lengths_}; }

 private:
  std::vector<int32_t> lengths_;
  std::vector<int32_t> ids_;
};

/// All values of an output.
std::string output_bits(const Session& session, std::string_view output);

}  // namespace lanewise::test
