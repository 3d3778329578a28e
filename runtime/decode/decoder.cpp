#include "runtime/decode/decoder.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "ops/attention/kv_page.hpp"
#include "ops/description.hpp"
#include "runtime/graph/model_inputs.hpp"
#include "runtime/model_data.hpp"
#include "runtime/node_times.hpp"

namespace lanewise::decode {
namespace {

constexpr auto kSourceTokens = static_cast<size_t>(graph::RowSymbol::kSourceTokens);
constexpr auto kSequences = static_cast<size_t>(graph::RowSymbol::kSequences);
constexpr auto kCache = static_cast<size_t>(graph::RowSymbol::kCache);
constexpr auto kPages = static_cast<size_t>(graph::RowSymbol::kPages);
constexpr auto kSources = static_cast<size_t>(graph::RowSymbol::kSources);

std::vector<CacheLayer> cache_layers(const graph::DecodingGraphs& graphs) {
  std::vector<CacheLayer> layers;
  for (const std::string& name : graphs.caches) {
    const auto id = static_cast<size_t>(graphs.step.find_input(name));
    const graph::Value& cache = graphs.step.values[id];
    layers.push_back({cache.rows == graph::RowSymbol::kPages, cache.features});
  }
  return layers;
}

int64_t features_of_output(const graph::Graph& graph, const std::string& name) {
  return graph.values[static_cast<size_t>(graph.outputs.at(name))].features;
}

/// The token chosen from a row of logits is the next step's id, so each must have a row in the
/// embedding, for which check_interface() has checked the task's vocabulary.
Status check_vocabulary(const graph::DecodingGraphs& graphs, const ModelInfo& info) {
  const int64_t logits = features_of_output(graphs.step, "logits");
  const int64_t ids =
      graphs.ids == graph::kSourceIds ? info.vocabulary_size : info.target_vocabulary_size;
  if (logits <= ids) return {};
  return unsupported("logits of " + std::to_string(logits) +
                     " tokens, of which the decoder takes " + std::to_string(ids));
}

ops::KvType kv_type(CacheType type) {
  switch (type) {
    case CacheType::kBf16:
      return ops::KvType::kBf16;
    case CacheType::kInt8:
      return ops::KvType::kInt8;
    case CacheType::kF32:
      break;
  }
  return ops::KvType::kF32;
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::create(const Model& model,
                                                 const SessionOptions& options) {
  LW_ASSIGN_OR_RETURN(const SessionSetup setup, check_session_options(options));
  model.data().prefetch_weights();
  const ops::KvType type = kv_type(options.cache_type);
  Result<graph::DecodingGraphs> graphs =
      graph::split_for_decoding(model.data().graph(), graph::LogitRows::kLast, type);
  if (!graphs.ok()) return graphs.status().with_context("cannot generate with this model");
  const Status vocabulary = check_vocabulary(*graphs, model.info());
  if (!vocabulary.ok()) return vocabulary.with_context("cannot generate with this model");
  const plan::ProgramOptions program{.isa = setup.isa, .fast = options.fast, .log = options.log};
  LW_ASSIGN_OR_RETURN(plan::Program encode,
                      plan::make_program(model.data(), graphs->encode, program));
  LW_ASSIGN_OR_RETURN(plan::Program step, plan::make_program(model.data(), graphs->step, program));
  std::unique_ptr<Decoder> decoder(
      new Decoder(model, std::move(*graphs), std::move(encode), std::move(step), setup));
  decoder->guesses_ = options.guess_repetitions;
  if (!decoder->has_encoder()) {
    LW_RETURN_IF_ERROR(decoder->add_all_logits({.isa = setup.isa, .fast = options.fast}, type));
  }
  if (options.cache_bytes > 0) decoder->cache_.set_limit(options.cache_bytes);
  // As much as one more sequence would take.
  if (options.reuse_prefixes) decoder->cache_.keep(ops::pages_for(decoder->max_tokens()));
  log_team(options, decoder->team());
  return decoder;
}

Decoder::Decoder(const Model& model, graph::DecodingGraphs graphs, plan::Program encode,
                 plan::Program step, const SessionSetup& setup)
    : model_(model),
      graphs_(std::move(graphs)),
      encode_(std::move(encode)),
      isa_(setup.isa),
      vocabulary_(features_of_output(step.graph, "logits")),
      team_(setup.threads, setup.team),
      last_(std::move(step), team_),
      cache_(cache_layers(graphs_)),
      source_binder_(encode_.graph),
      tokens_(static_cast<size_t>(
          last_.program->graph
              .values[static_cast<size_t>(last_.program->graph.find_input(graphs_.ids))]
              .rows)) {
  last_.inputs = step_inputs(last_.program->graph);
  if (!graphs_.memory.empty()) {
    encode_executor_ = std::make_unique<exec::Executor>(encode_, team_);
  }
}

Status Decoder::add_all_logits(const plan::ProgramOptions& options, ops::KvType type) {
  LW_ASSIGN_OR_RETURN(
      const graph::DecodingGraphs graphs,
      graph::split_for_decoding(model_.data().graph(), graph::LogitRows::kAll, type));
  LW_ASSIGN_OR_RETURN(plan::Program program,
                      plan::make_program(model_.data(), graphs.step, options));
  all_.emplace(std::move(program), team_);
  all_->inputs = step_inputs(all_->program->graph);
  return {};
}

Status Decoder::encode(const RaggedBatch& sources, const RunOptions& options) {
  source_lengths_.assign(sources.lengths.begin(), sources.lengths.end());
  source_offsets_.assign(1, 0);
  for (const int32_t length : source_lengths_) {
    source_offsets_.push_back(source_offsets_.back() + length);
  }
  if (!has_encoder()) return {};
  const size_t tokens = sources.ids.size();
  while (counts_.size() < tokens) counts_.push_back(static_cast<int32_t>(counts_.size()));
  const exec::BatchBinding batch = source_binder_.bind(sources);
  LW_RETURN_IF_ERROR(encode_executor_->prepare(batch, true));
  return run(encode_, *encode_executor_, static_cast<int64_t>(tokens), options);
}

std::vector<Decoder::StepInput> Decoder::step_inputs(const graph::Graph& step) const {
  std::vector<StepInput> inputs;
  for (const graph::ValueId id : step.inputs) {
    const std::string& name = step.values[static_cast<size_t>(id)].name;
    const auto cache = std::find(graphs_.caches.begin(), graphs_.caches.end(), name);
    if (name == graphs_.ids) {
      inputs.push_back({StepInput::Kind::kIds});
    } else if (name == graph::kStepPositions) {
      inputs.push_back({StepInput::Kind::kPositions});
    } else if (name == graph::kStepIsLong) {
      inputs.push_back({StepInput::Kind::kIsLong});
    } else if (name == graph::kStepSources) {
      inputs.push_back({StepInput::Kind::kSources});
    } else if (cache != graphs_.caches.end()) {
      inputs.push_back(
          {StepInput::Kind::kCache, static_cast<size_t>(cache - graphs_.caches.begin())});
    } else {
      inputs.push_back({StepInput::Kind::kMemory, 0, encode_.graph.outputs.at(name)});
    }
  }
  return inputs;
}

exec::InputBinding Decoder::binding_of(const StepInput& input) const {
  switch (input.kind) {
    case StepInput::Kind::kIds:
      return {ids_.data(), 1};
    case StepInput::Kind::kPositions:
      return {positions_.data(), 1};
    case StepInput::Kind::kIsLong:
      return {is_long_.data(), 1};
    case StepInput::Kind::kSources:
      return {sources_.data(), 1};
    case StepInput::Kind::kCache: {
      const Cache::LayerMemory layer = cache_.layer(input.layer);
      return {layer.data, layer.stride};
    }
    case StepInput::Kind::kMemory:
      break;
  }
  const ops::Operand& memory = encode_executor_->result(input.memory);
  return {memory.data, memory.stride};
}

void Decoder::bind_rows(std::span<const Row> rows) {
  ids_.clear();
  positions_.clear();
  is_long_.clear();
  sources_.clear();
  offsets_.assign(1, 0);
  cache_slots_.clear();
  cache_pages_.clear();
  cache_lengths_.clear();
  memory_rows_.clear();
  memory_lengths_.clear();
  for (const Row& row : rows) {
    const int32_t length = row.sequence->tokens;
    const auto count = static_cast<int32_t>(row.tokens.size());
    ids_.insert(ids_.end(), row.tokens.begin(), row.tokens.end());
    for (int32_t i = length - count; i < length; ++i) positions_.push_back(i);
    is_long_.insert(is_long_.end(), row.tokens.size(), row.sequence->is_long ? 1 : 0);
    offsets_.push_back(offsets_.back() + count);
    cache_slots_.push_back(row.sequence->slots.data());
    cache_pages_.push_back(row.sequence->data.data());
    cache_lengths_.push_back(length);
    sources_.push_back(row.source);
    if (!has_encoder()) continue;
    const auto source = static_cast<size_t>(row.source);
    memory_rows_.push_back(counts_.data() + source_offsets_[source]);
    memory_lengths_.push_back(source_lengths_[source]);
  }
}

exec::BatchBinding Decoder::step_binding(const Steps& steps) {
  inputs_.clear();
  for (const StepInput& input : steps.inputs) inputs_.push_back(binding_of(input));
  exec::BatchBinding batch{.inputs = inputs_};
  const auto sequences = static_cast<int64_t>(sources_.size());
  batch.rows[tokens_] = offsets_.back();
  batch.rows[kSequences] = sequences;
  batch.rows[kSources] = static_cast<int64_t>(source_lengths_.size());
  batch.ragged[tokens_] = {offsets_.data(), sequences};
  batch.tables[kCache] = {cache_slots_.data(), cache_lengths_.data(), sequences};
  batch.tables[kPages] = {nullptr, cache_lengths_.data(), sequences, cache_pages_.data()};
  if (has_encoder()) {
    batch.tables[kSourceTokens] = {memory_rows_.data(), memory_lengths_.data(), sequences};
  }
  return batch;
}

Status Decoder::step(std::span<const Row> rows, graph::LogitRows logits,
                     const RunOptions& options) {
  logits_ = logits;
  bind_rows(rows);
  const Steps& steps = this->steps(logits);
  const exec::BatchBinding batch = step_binding(steps);
  LW_RETURN_IF_ERROR(steps.executor->prepare(batch, true));
  return run(*steps.program, *steps.executor, batch.rows[tokens_], options);
}

Status Decoder::run(const plan::Program& program, exec::Executor& executor, int64_t rows,
                    const RunOptions& options) {
  if (!profiling_) return executor.run(options);
  Generator::StepTime time{.rows = rows, .begin_us = watch_.now_us()};
  LW_RETURN_IF_ERROR(executor.run(options));
  time.end_us = watch_.now_us();
  for (size_t i = 0; i < program.graph.nodes.size(); ++i) time.flops += executor.flops(i);
  time.weight_bytes = weight_bytes(program);
  step_times_.push_back(time);
  append_node_times(program, executor, time.begin_us, node_times_);
  return {};
}

double Decoder::weight_bytes(const plan::Program& program) const {
  double bytes = 0.0;
  for (const graph::Node& node : program.graph.nodes) {
    const ops::OperatorDescription& op = *ops::find_operator(node.op);
    for (const auto& [role, names] : node.weights) {
      if (op.use_of(role) == ops::WeightUse::kLookup) continue;  // one row per token
      const file::TensorEntry& entry = *model_.data().file().find(names.front());
      bytes += static_cast<double>(entry.end - entry.begin);
    }
  }
  return bytes;
}

void Decoder::set_profiling(bool on) noexcept {
  profiling_ = on;
  if (encode_executor_) encode_executor_->set_profiling(on);
  last_.executor->set_profiling(on);
  if (all_) all_->executor->set_profiling(on);
}

void Decoder::begin_profile() {
  watch_ = exec::Stopwatch();
  step_times_.clear();
  node_times_.clear();
}

float* Decoder::logits(size_t row) const {
  const Steps& steps = this->steps(logits_);
  const graph::ValueId logits = steps.program->graph.outputs.at("logits");
  return steps.executor->result(logits).f32(static_cast<int64_t>(row));
}

}  // namespace lanewise::decode
