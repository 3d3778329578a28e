// Whole quantised models whose norms are computed by the linear layers that read them
// (runtime/plan/absorb_norms.hpp), compared with the same models whose norms stay nodes.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/generator.hpp"
#include "ops/dispatch.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/run_sequence.hpp"
#include "runtime/model_data.hpp"
#include "runtime/plan/program.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

constexpr const char* kWeights[] = {"int8", "int4"};

bool is_norm(const graph::Node& node) { return node.op == "layer_norm" || node.op == "rms_norm"; }

/// The graph with all norms as outputs, so that they stay.
graph::Graph with_norms(graph::Graph graph) {
  for (const graph::Node& node : graph.nodes) {
    if (is_norm(node)) graph.outputs[node.name] = node.output;
  }
  return graph;
}

/// The bits of an output, row by row.
std::vector<float> values_of(const ops::Operand& rows) {
  std::vector<float> values;
  for (int64_t row = 0; row < rows.rows; ++row) {
    values.insert(values.end(), rows.f32(row), rows.f32(row) + rows.features);
  }
  return values;
}

class AbsorbedNormsTest : public CheckpointFolderTest {
 protected:
  Model quantized(const std::string& weights) {
    write();
    options_.weights = weights;
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  }

  /// Runs `model` both ways and compares its outputs. A program absorbs `absorbed` of its norms.
  static void expect_same_bits(const Model& model, size_t absorbed) {
    const graph::Graph& graph = model.data().graph();
    const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 2, 5, 3}, target_ids = {1, 4, 2, 3, 5};
    for (const ops::Isa isa : ops::all_isas()) {
      if (!ops::is_available(isa)) continue;
      SCOPED_TRACE(ops::name_of(isa));
      const auto program = plan::make_program(model.data(), graph, {.isa = isa});
      const auto kept = plan::make_program(model.data(), with_norms(graph), {.isa = isa});
      ASSERT_TRUE(program.ok()) << program.status().message();
      ASSERT_TRUE(kept.ok()) << kept.status().message();
      EXPECT_EQ(program->graph.nodes.size() + absorbed, kept->graph.nodes.size());
      for (const int threads : {1, 2}) {
        exec::Team team(threads);
        exec::Executor executor(*program, team), reference(*kept, team);
        ASSERT_TRUE(exec::run_sequence(*program, executor, ids, target_ids, {}).ok());
        ASSERT_TRUE(exec::run_sequence(*kept, reference, ids, target_ids, {}).ok());
        for (const auto& [name, value] : graph.outputs) {
          const std::vector<float> found = values_of(executor.result(value));
          const std::vector<float> expected = values_of(reference.result(value));
          ASSERT_EQ(found.size(), expected.size());
          EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
              << name;
        }
      }
    }
  }
};

TEST_F(AbsorbedNormsTest, AT5HasTheBitsThatItHasWithNorms) {
  for (const char* variant : {"t5", "t5_gated"}) {
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    for (const char* weights : kWeights) {
      SCOPED_TRACE(std::string(variant) + " " + weights);
      // Two for each of three encoder layers, three for each of two decoder layers, the last one.
      expect_same_bits(quantized(weights), 13);
    }
  }
}

/// Tokens found greedily, step by step, also have the largest logits in a run of the whole model.
void expect_steps_find_the_same(const Model& model, ops::Isa isa) {
  SCOPED_TRACE(ops::name_of(isa));
  Result<Generator> generator = Generator::create(
      model, {.threads = 1, .isa = std::string(ops::name_of(isa)), .outputs = {}});
  ASSERT_TRUE(generator.ok()) << generator.status().message();
  const std::vector<std::vector<int32_t>> sources = {{3, 1, 4, 1, 5, 9, 2, 6}};
  // The largest logit of each step, without the checkpoint's processors.
  GenerationOptions options;
  options.decoder_start_token_id = model.info().generation.decoder_start_token_id;
  options.eos_token_ids = model.info().generation.eos_token_ids;
  options.max_new_tokens = 12;
  const auto found = generator->generate(sources, options);
  ASSERT_TRUE(found.ok()) << found.status().message();
  const std::vector<int32_t>& ids = found->front().hypotheses.at(0).ids;
  ASSERT_FALSE(ids.empty());

  std::vector<int32_t> read{static_cast<int32_t>(options.decoder_start_token_id)};
  read.insert(read.end(), ids.begin(), ids.end() - 1);
  const auto program = plan::make_program(model.data(), model.data().graph(), {.isa = isa});
  ASSERT_TRUE(program.ok()) << program.status().message();
  exec::Team team(1);
  exec::Executor executor(*program, team);
  ASSERT_TRUE(exec::run_sequence(*program, executor, sources[0], read, {}).ok());
  const ops::Operand& logits = executor.result(program->graph.outputs.at("logits"));
  for (int64_t row = 0; row < logits.rows; ++row) {
    const float* begin = logits.f32(row);
    EXPECT_EQ(std::max_element(begin, begin + logits.features) - begin,
              ids[static_cast<size_t>(row)]);
  }
}

TEST_F(AbsorbedNormsTest, ADecodersStepsFindWhatTheWholeModelFinds) {
  for (const char* variant : {"t5_gated", "t5", "bart", "marian", "m2m_100"}) {
    for (const char* weights : {"int8", "int4", "bf16"}) {
      SCOPED_TRACE(std::string(variant) + " " + weights);
      HfCheckpoint checkpoint = hf_checkpoint(variant);
      config_ = std::move(checkpoint.config);
      tensors_ = std::move(checkpoint.tensors);
      const Model model = quantized(weights);
      for (const ops::Isa isa : ops::all_isas()) {
        if (ops::is_available(isa)) expect_steps_find_the_same(model, isa);
      }
    }
  }
}

TEST_F(AbsorbedNormsTest, OnlyEncodersAttendInBf16) {
  HfCheckpoint checkpoint = hf_checkpoint("bart");
  config_ = std::move(checkpoint.config);
  tensors_ = std::move(checkpoint.tensors);
  const Model model = quantized("int8");
  int encoder = 0, decoder = 0;
  for (const graph::Node& node : model.data().graph().nodes) {
    if (node.op != "attention") continue;
    const bool of_decoder = node.name.find("decoder") != std::string::npos;
    ++(of_decoder ? decoder : encoder);
    EXPECT_EQ(*node.attributes.get_bool("allow_bf16", false), !of_decoder) << node.name;
  }
  EXPECT_GT(encoder, 0);
  EXPECT_GT(decoder, 0);
}

TEST_F(AbsorbedNormsTest, APreNormTransformerHasTheBitsThatItHasWithNorms) {
  config_ = {{"model_type", "\"torch_transformer\""},
             {"nhead", "4"},
             {"norm_first", "true"},
             {"max_length", "16"},
             {"bos_token_id", "1"},
             {"eos_token_id", "2"},
             {"pad_token_id", "0"}};
  tensors_ = torch_state_dict({.width = 20,
                               .hidden = 36,
                               .encoder_layers = 2,
                               .decoder_layers = 1,
                               .source_tokens = 7,
                               .target_tokens = 6});
  for (const char* weights : kWeights) {
    SCOPED_TRACE(weights);
    // Two for each of two encoder layers, three of the decoder layer, the last one.
    expect_same_bits(quantized(weights), 8);
  }
}

TEST_F(AbsorbedNormsTest, APostNormModelKeepsItsNorms) {
  for (const char* weights : kWeights) expect_same_bits(quantized(weights), 0);
}

}  // namespace
}  // namespace lanewise::converters
