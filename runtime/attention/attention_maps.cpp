#include "lanewise/attention.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/attention/attention_weights.hpp"
#include "runtime/batch.hpp"
#include "runtime/exec/call_guard.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/run_sequence.hpp"
#include "runtime/graph/model_inputs.hpp"
#include "runtime/model_data.hpp"
#include "runtime/plan/program.hpp"
#include "runtime/session_setup.hpp"

namespace lanewise {
namespace {

using graph::Graph;
using graph::Node;
using graph::RowSymbol;
using graph::ValueId;

/// One attention of the graph.
struct Attention {
  Node node;
  AttentionKind kind = AttentionKind::kEncoder;
  int layer = 0;
  ops::AttentionWeights weights;
};

RowSymbol rows_of(const Graph& graph, ValueId id) {
  return graph.values[static_cast<size_t>(id)].rows;
}

Result<AttentionKind> kind_of(const Graph& graph, const Node& node) {
  const RowSymbol queries = rows_of(graph, node.inputs.front());
  const RowSymbol keys = rows_of(graph, node.inputs.back());
  if (queries == RowSymbol::kTargetTokens && keys == RowSymbol::kSourceTokens)
    return AttentionKind::kCross;
  if (queries != keys || queries == RowSymbol::kSequences) {
    return unsupported("attends from " + std::string(ops::name_of(queries)) + " to " +
                       std::string(ops::name_of(keys)));
  }
  if (queries == RowSymbol::kTargetTokens) return AttentionKind::kDecoder;
  if (graph::has_target(graph)) return AttentionKind::kEncoder;
  // In a model with a single stack, causal attention means a decoder.
  LW_ASSIGN_OR_RETURN(const bool causal, node.attributes.get_bool("causal", false));
  return causal ? AttentionKind::kDecoder : AttentionKind::kEncoder;
}

Result<Attention> make_attention(const internal::ModelData& model, const Node& node) {
  LW_ASSIGN_OR_RETURN(const ops::OperatorConfig config,
                      plan::operator_config(model, model.graph(), node));
  LW_ASSIGN_OR_RETURN(ops::AttentionWeights weights, ops::AttentionWeights::create(config));
  LW_ASSIGN_OR_RETURN(const AttentionKind kind, kind_of(model.graph(), node));
  return Attention{node, kind, 0, std::move(weights)};
}

Result<std::vector<Attention>> find_attention(const internal::ModelData& model) {
  std::vector<Attention> found;
  std::array<int, 3> layers{};
  for (const Node& node : model.graph().nodes) {
    if (node.op != "attention") continue;
    Result<Attention> attention = make_attention(model, node);
    if (!attention.ok()) {
      return attention.status().with_context("node " + base::in_quotes(node.name));
    }
    attention->layer = layers[static_cast<size_t>(attention->kind)]++;
    found.push_back(std::move(attention).value());
  }
  if (found.empty()) return unsupported("the model has no attention whose weights could be shown");
  return found;
}

/// Restricts the graph to what `attentions` need; their inputs become its outputs.
Result<Graph> graph_to_inputs(const Graph& graph, const std::vector<Attention>& attentions) {
  Graph wanted = graph;
  wanted.outputs.clear();
  std::vector<std::string> names;
  for (const Attention& attention : attentions) {
    for (const ValueId id : attention.node.inputs) {
      const std::string name = std::to_string(id);
      if (wanted.outputs.emplace(name, id).second) names.push_back(name);
    }
  }
  return graph::restricted_to(wanted, names);
}

}  // namespace

std::string_view name_of(AttentionKind kind) noexcept {
  switch (kind) {
    case AttentionKind::kEncoder:
      return "encoder";
    case AttentionKind::kDecoder:
      return "decoder";
    case AttentionKind::kCross:
      break;
  }
  return "cross";
}

class AttentionMaps::Impl {
 public:
  Impl(Model model, std::vector<Attention> attentions, plan::Program program,
       const SessionSetup& setup)
      : model_(std::move(model)),
        attentions_(std::move(attentions)),
        program_(std::move(program)),
        team_(setup.threads, setup.team),
        executor_(program_, team_),
        encoder_decoder_(graph::has_target(program_.graph)) {}

  exec::CallGuard& guard() noexcept { return guard_; }
  bool encoder_decoder() const noexcept { return encoder_decoder_; }

  int64_t count(int64_t source_tokens, int64_t target_tokens) const noexcept {
    int64_t sum = 0;
    for (const Attention& attention : attentions_) {
      const bool from_source = attention.kind == AttentionKind::kEncoder || !encoder_decoder_;
      const bool to_target = attention.kind == AttentionKind::kDecoder && encoder_decoder_;
      sum += attention.weights.heads() * (from_source ? source_tokens : target_tokens) *
             (to_target ? target_tokens : source_tokens);
    }
    return sum;
  }

  Result<std::vector<AttentionMap>> run(std::span<const int32_t> ids,
                                        std::span<const int32_t> target_ids,
                                        const RunOptions& options) {
    LW_RETURN_IF_ERROR(check(ids, target_ids));
    LW_RETURN_IF_ERROR(exec::run_sequence(program_, executor_, ids, target_ids, options));
    std::vector<AttentionMap> maps;
    for (const Attention& attention : attentions_) {
      if (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) {
        return cancelled("cancelled");
      }
      maps.push_back(map_of(attention));
    }
    return maps;
  }

 private:
  Status check(std::span<const int32_t> ids, std::span<const int32_t> target_ids) const {
    const auto length = static_cast<int32_t>(ids.size());
    const auto target_length = static_cast<int32_t>(target_ids.size());
    RaggedBatch batch{.ids = ids, .type_ids = {}, .lengths = {&length, 1}};
    if (encoder_decoder_) {
      batch.decoder_ids = target_ids;
      batch.decoder_lengths = {&target_length, 1};
    }
    LW_RETURN_IF_ERROR(check_batch(batch, model_.info(), encoder_decoder_));
    const int64_t weights = count(length, target_length);
    if (weights <= kMostAttentionWeights) return {};
    return invalid_argument("too long: its attention would be " + std::to_string(weights) +
                            " weights; up to " + std::to_string(kMostAttentionWeights) +
                            " are shown");
  }

  AttentionMap map_of(const Attention& attention) const {
    std::vector<ops::Operand> inputs;
    for (const ValueId id : attention.node.inputs) inputs.push_back(executor_.result(id));
    AttentionMap map{.node = attention.node.name,
                     .kind = attention.kind,
                     .layer = attention.layer,
                     .heads = attention.weights.heads(),
                     .queries = inputs.front().rows,
                     .keys = inputs.back().rows,
                     .weights = {}};
    map.weights.resize(static_cast<size_t>(map.heads * map.queries * map.keys));
    attention.weights.compute(inputs, map.weights.data());
    return map;
  }

  Model model_;
  std::vector<Attention> attentions_;
  plan::Program program_;
  exec::Team team_;
  exec::Executor executor_;
  const bool encoder_decoder_;
  exec::CallGuard guard_{"attention maps object"};
};

AttentionMaps::AttentionMaps(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AttentionMaps::AttentionMaps(AttentionMaps&&) noexcept = default;
AttentionMaps& AttentionMaps::operator=(AttentionMaps&&) noexcept = default;
AttentionMaps::~AttentionMaps() = default;

Result<AttentionMaps> AttentionMaps::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<AttentionMaps> {
    LW_ASSIGN_OR_RETURN(const SessionSetup setup, check_session_options(options));
    model.data().prefetch_weights();
    LW_ASSIGN_OR_RETURN(std::vector<Attention> attentions, find_attention(model.data()));
    LW_ASSIGN_OR_RETURN(Graph graph, graph_to_inputs(model.data().graph(), attentions));
    LW_ASSIGN_OR_RETURN(
        plan::Program program,
        plan::make_program(model.data(), std::move(graph),
                           {.isa = setup.isa, .fast = options.fast, .log = options.log}));
    return AttentionMaps(
        std::make_unique<Impl>(model, std::move(attentions), std::move(program), setup));
  });
}

bool AttentionMaps::has_encoder_and_decoder() const noexcept { return impl_->encoder_decoder(); }

int64_t AttentionMaps::count(int64_t source_tokens, int64_t target_tokens) const noexcept {
  return impl_->count(source_tokens, target_tokens);
}

Result<std::vector<AttentionMap>> AttentionMaps::run(std::span<const int32_t> ids,
                                                     std::span<const int32_t> target_ids,
                                                     const RunOptions& options) {
  return base::no_throw(
      [&] { return impl_->guard().run([&] { return impl_->run(ids, target_ids, options); }); });
}

}  // namespace lanewise
