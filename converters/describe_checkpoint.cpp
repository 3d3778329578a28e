// What a checkpoint contains, and what becomes of it, without writing a model file.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "converters/convert_options.hpp"
#include "converters/opened_checkpoint.hpp"
#include "converters/pack/plan.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/inspect.hpp"
#include "runtime/graph/graph_data.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise {
namespace converters {
namespace {

/// `BPE, 49152 tokens`; empty if there is none.
Result<std::string> describe_tokenizer(Opened& opened) {
  LW_ASSIGN_OR_RETURN(const std::string json, tokenizer_json(opened));
  if (json.empty()) return json;
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(json, "tokenizer"));
  LW_ASSIGN_OR_RETURN(const auto tokenizer, text::parse_tokenizer(json));
  const base::JsonValue* model = document.root().find("model");
  const base::JsonValue* type = model == nullptr ? nullptr : model->find("type");
  std::string text = opened.source.tokenizer_name;
  if (!text.empty()) text += ": ";
  if (type != nullptr && type->is_string()) text.append(type->string()).append(", ");
  return text + std::to_string(tokenizer->vocabulary_size()) + " tokens";
}

std::vector<OutputInfo> outputs_of(const graph::Graph& graph) {
  std::vector<OutputInfo> outputs;
  for (const auto& [name, id] : graph.outputs) {
    const graph::Value& value = graph.values[static_cast<size_t>(id)];
    outputs.push_back({name, value.rows != graph::RowSymbol::kSequences, value.features});
  }
  return outputs;
}

/// The texts that a model file stores beside its weights.
size_t text_bytes(const Opened& opened) {
  return opened.model.tokenizer.size() + opened.model.target_tokenizer.size() +
         opened.model.chat_template.size();
}

/// StoredTensorInfo::becomes
std::string becomes(const CheckpointTensor& tensor, const FamilyModel& model,
                    const PackPlan& plan) {
  const auto use = plan.uses.find(tensor.name);
  if (use != plan.uses.end()) return use->second;
  const bool is_folded = std::ranges::find(model.folded, tensor.name) != model.folded.end();
  if (is_folded) return "folded into other weights";
  if (tensor.is_constant) return "ignored: constant of the program";
  const bool is_leftover = std::ranges::find(model.leftovers, tensor.name) != model.leftovers.end();
  return is_leftover ? "ignored: not a weight" : "ignored: unused by the model";
}

Result<CheckpointContents> describe(const std::string& path, const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open_checkpoint(path, options));
  const Checkpoint& checkpoint = *opened.source.checkpoint;
  CheckpointContents contents;
  contents.architecture = opened.source.architecture;
  contents.family = opened.model.info.family;
  contents.task = opened.model.info.task;
  LW_ASSIGN_OR_RETURN(contents.tokenizer, describe_tokenizer(opened));
  LW_ASSIGN_OR_RETURN(contents.classes, opened.source.config.texts("architectures"));
  contents.outputs = outputs_of(opened.model.graph);
  LW_ASSIGN_OR_RETURN(const ops::WeightFormat format, weights_for(options, opened.model.info.task));
  const graph::Graph graph = optimized(opened);
  const PackPlan plan = plan_packing(graph, checkpoint, opened.model.parts, format, opened.keep);
  // What the header says about a tensor: its place, format, checksum and source.
  constexpr size_t kHeaderBytes = 500;
  contents.model_bytes =
      plan.bytes + static_cast<int64_t>(text_bytes(opened) + graph::to_json(graph).size() +
                                        kHeaderBytes * opened.model.tensors.size());
  contents.files.assign(checkpoint.files().begin(), checkpoint.files().end());
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    const bool computed = !tensor.computed_from.empty();
    contents.tensors.push_back({checkpoint.name_in_file(tensor.name), tensor.name,
                                computed ? tensor.computed_from : std::string(type_name(tensor)),
                                tensor.shape, becomes(tensor, opened.model, plan)});
  }
  return contents;
}

}  // namespace
}  // namespace converters

Result<CheckpointContents> describe_checkpoint(const std::string& source,
                                               const ConvertOptions& options) {
  return base::no_throw(
      [&]() -> Result<CheckpointContents> { return converters::describe(source, options); });
}

Result<ModelGraph> textbook_graph(const std::string& source, const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<ModelGraph> {
    LW_ASSIGN_OR_RETURN(converters::Opened opened, converters::open_checkpoint(source, options));
    return ModelGraph(std::make_shared<const internal::GraphData>(std::move(opened.model.graph)));
  });
}

Result<std::string> describe_textbook_graph(const std::string& source,
                                            const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<std::string> {
    LW_ASSIGN_OR_RETURN(const ModelGraph graph, textbook_graph(source, options));
    return graph.to_text();
  });
}

}  // namespace lanewise
