#include "runtime/graph/builder.hpp"

#include "ops/description.hpp"

namespace lanewise::graph {
namespace {

std::map<std::string, std::vector<std::string>> roles(const Affine& tensors) {
  std::map<std::string, std::vector<std::string>> weights{{"weight", {tensors.weight}}};
  if (!tensors.bias.empty()) weights["bias"] = {tensors.bias};
  return weights;
}

}  // namespace

ValueId Builder::append(Node node, RowSymbol rows, int64_t features) {
  const auto id = static_cast<ValueId>(graph_.values.size());
  graph_.values.push_back({node.name, rows, DataType::kF32, features});
  node.output = id;
  graph_.nodes.push_back(std::move(node));
  return id;
}

ValueId Builder::input(const std::string& name, RowSymbol rows) {
  const auto id = static_cast<ValueId>(graph_.values.size());
  graph_.values.push_back({name, rows, DataType::kI32, 1});
  graph_.inputs.push_back(id);
  return id;
}

ValueId Builder::embed(const std::string& name, ValueId ids, ValueId type_ids, int64_t features,
                       const EmbedSpec& spec) {
  Node node{.op = "embed",
            .name = name,
            .inputs = {ids},
            .weights = {{"table", {spec.table}}},
            .attributes = spec.attributes};
  if (type_ids >= 0) {
    node.inputs.push_back(type_ids);
    node.weights["type_table"] = {spec.type_table};
    node.attributes.set("has_type_ids", true);
  }
  if (!spec.position_table.empty()) node.weights["position_table"] = {spec.position_table};
  return append(std::move(node), value(ids).rows, features);
}

ValueId Builder::linear(const std::string& name, ValueId x, int64_t out_features,
                        const Affine& tensors) {
  return append({.op = "linear", .name = name, .inputs = {x}, .weights = roles(tensors)},
                value(x).rows, out_features);
}

ValueId Builder::activation(const std::string& name, ValueId x, const std::string& kind) {
  return append({.op = "activation", .name = name, .inputs = {x}, .attributes = {{"kind", kind}}},
                value(x).rows, value(x).features);
}

ValueId Builder::add(const std::string& name, ValueId a, ValueId b) {
  return append({.op = "add", .name = name, .inputs = {a, b}}, value(a).rows, value(a).features);
}

ValueId Builder::mul(const std::string& name, ValueId a, ValueId b) {
  return append({.op = "mul", .name = name, .inputs = {a, b}}, value(a).rows, value(a).features);
}

ValueId Builder::weighted_sum(const std::string& name, const std::vector<ValueId>& parts,
                              const std::string& weight) {
  return append(
      {.op = "weighted_sum", .name = name, .inputs = parts, .weights = {{"weight", {weight}}}},
      value(parts[0]).rows, value(parts[0]).features);
}

ValueId Builder::layer_norm(const std::string& name, ValueId x, const Affine& tensors, double eps) {
  return append({.op = "layer_norm",
                 .name = name,
                 .inputs = {x},
                 .weights = roles(tensors),
                 .attributes = {{"eps", eps}}},
                value(x).rows, value(x).features);
}

ValueId Builder::rms_norm(const std::string& name, ValueId x, const std::string& weight,
                          double eps) {
  return append({.op = "rms_norm",
                 .name = name,
                 .inputs = {x},
                 .weights = {{"weight", {weight}}},
                 .attributes = {{"eps", eps}}},
                value(x).rows, value(x).features);
}

ValueId Builder::soft_cap(const std::string& name, ValueId x, double cap) {
  return append({.op = "soft_cap", .name = name, .inputs = {x}, .attributes = {{"cap", cap}}},
                value(x).rows, value(x).features);
}

ValueId Builder::softmax(const std::string& name, ValueId x) {
  return append({.op = "softmax", .name = name, .inputs = {x}}, value(x).rows, value(x).features);
}

ValueId Builder::top_experts(const std::string& name, ValueId probabilities,
                             const RoutingSpec& spec) {
  Node node{.op = "top_experts",
            .name = name,
            .inputs = {probabilities},
            .attributes = {{"top_k", spec.top_k}, {"normalize", spec.normalize}}};
  return append(std::move(node), value(probabilities).rows, 2 * spec.top_k);
}

ValueId Builder::expert_linear(const std::string& name, ValueId x, ValueId routes, int64_t features,
                               const ExpertsSpec& spec) {
  Node node{.op = "expert_linear",
            .name = name,
            .inputs = {x, routes},
            .weights = {{"weight", spec.weights}},
            .attributes = {{"experts", spec.experts}, {"per_expert", spec.per_expert}}};
  return append(std::move(node), value(x).rows, features * (value(routes).features / 2));
}

ValueId Builder::mix_experts(const std::string& name, ValueId x, ValueId routes) {
  Node node{.op = "mix_experts", .name = name, .inputs = {x, routes}};
  return append(std::move(node), value(x).rows, value(x).features / (value(routes).features / 2));
}

ValueId Builder::rotary_angles(const std::string& name, ValueId ids, int64_t pairs,
                               const RotaryAnglesSpec& spec) {
  Node node{.op = "rotary_angles",
            .name = name,
            .inputs = {ids},
            .weights = {{"frequencies", {spec.frequencies}}}};
  if (spec.scale != 1.0) node.attributes.set("scale", spec.scale);
  if (spec.trained_tokens > 0) {
    node.attributes.set("trained_tokens", spec.trained_tokens);
    node.weights["long_frequencies"] = {spec.long_frequencies};
  }
  return append(std::move(node), value(ids).rows, 2 * pairs);
}

ValueId Builder::rotary(const std::string& name, ValueId x, ValueId angles,
                        const RotarySpec& spec) {
  Node node{.op = "rotary",
            .name = name,
            .inputs = {x, angles},
            .attributes = {{"heads", spec.heads}, {"head_dim", spec.head_dim}}};
  if (spec.interleaved) node.attributes.set("interleaved", true);
  return append(std::move(node), value(x).rows, value(x).features);
}

ValueId Builder::attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                           const AttentionSpec& spec) {
  return attention(name, std::vector<ValueId>{q, k, v}, spec);
}

ValueId Builder::attention(const std::string& name, ValueId qkv, const AttentionSpec& spec) {
  return attention(name, std::vector<ValueId>{qkv}, spec);
}

ValueId Builder::attention(const std::string& name, std::vector<ValueId> inputs,
                           const AttentionSpec& spec) {
  const RowSymbol rows = value(inputs.front()).rows;
  Node node{.op = "attention",
            .name = name,
            .inputs = std::move(inputs),
            .attributes = {{"heads", spec.heads},
                           {"kv_heads", spec.kv_heads},
                           {"head_dim", spec.head_dim},
                           {"causal", spec.causal}}};
  if (spec.scale) node.attributes.set("scale", *spec.scale);
  if (spec.window > 0) node.attributes.set("window", spec.window);
  if (spec.soft_cap > 0) node.attributes.set("soft_cap", spec.soft_cap);
  if (!spec.relative_bias.empty()) {
    node.weights["bias"] = {spec.relative_bias};
    node.attributes.set("bias_kind", std::string("relative"));
  }
  return append(std::move(node), rows, spec.heads * spec.head_dim);
}

ValueId Builder::disentangled_attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                                        const DisentangledSpec& spec) {
  Node node{.op = "disentangled_attention",
            .name = name,
            .inputs = {q, k, v},
            .attributes = {{"heads", spec.heads},
                           {"head_dim", spec.head_dim},
                           {"scale", spec.scale},
                           {"max_distance", spec.max_distance}}};
  if (spec.buckets > 0) node.attributes.set("buckets", spec.buckets);
  if (!spec.key_positions.empty()) node.weights["key_positions"] = {spec.key_positions};
  if (!spec.query_positions.empty()) node.weights["query_positions"] = {spec.query_positions};
  return append(std::move(node), value(q).rows, value(q).features);
}

ValueId Builder::additive_attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                                    const std::string& weight) {
  return append({.op = "additive_attention",
                 .name = name,
                 .inputs = {q, k, v},
                 .weights = {{"weight", {weight}}}},
                value(q).rows, value(v).features);
}

ValueId Builder::recurrent(const std::string& name, ValueId gates, const Affine& tensors,
                           const RecurrentSpec& spec) {
  Node node{.op = spec.op, .name = name, .inputs = {gates}, .weights = roles(tensors)};
  if (spec.initial >= 0) node.inputs.push_back(spec.initial);
  if (spec.reverse) node.attributes.set("reverse", true);
  const int64_t parts = ops::find_operator(spec.op)->state_parts;
  return append(std::move(node), value(gates).rows, parts * spec.units);
}

ValueId Builder::pool(const std::string& name, ValueId x, const std::string& kind) {
  return append({.op = "pool", .name = name, .inputs = {x}, .attributes = {{"kind", kind}}},
                RowSymbol::kSequences, value(x).features);
}

ValueId Builder::slice_rows(const std::string& name, ValueId x, int64_t index) {
  return append({.op = "slice_rows", .name = name, .inputs = {x}, .attributes = {{"index", index}}},
                RowSymbol::kSequences, value(x).features);
}

ValueId Builder::neighbour_rows(const std::string& name, ValueId x, int64_t before, int64_t after) {
  return append({.op = "neighbour_rows",
                 .name = name,
                 .inputs = {x},
                 .attributes = {{"before", before}, {"after", after}}},
                value(x).rows, (before + 1 + after) * value(x).features);
}

ValueId Builder::slice_features(const std::string& name, ValueId x, int64_t begin,
                                int64_t features) {
  return append(
      {.op = "slice_features", .name = name, .inputs = {x}, .attributes = {{"begin", begin}}},
      value(x).rows, features);
}

ValueId Builder::concat_features(const std::string& name, const std::vector<ValueId>& parts) {
  int64_t features = 0;
  for (const ValueId part : parts) features += value(part).features;
  return append({.op = "concat_features", .name = name, .inputs = parts}, value(parts[0]).rows,
                features);
}

ValueId Builder::l2_normalize(const std::string& name, ValueId x, double eps) {
  return append({.op = "l2_normalize", .name = name, .inputs = {x}, .attributes = {{"eps", eps}}},
                value(x).rows, value(x).features);
}

void Builder::output(const std::string& name, ValueId value) { graph_.outputs[name] = value; }

}  // namespace lanewise::graph
