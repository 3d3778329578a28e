#include "converters/pack/pack_graph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"
#include "converters/pack/layouts.hpp"
#include "converters/pack/panels.hpp"
#include "converters/pack/quantized_panels.hpp"
#include "converters/quantize/quantize_rows.hpp"
#include "ops/description.hpp"
#include "runtime/graph/decoding.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

/// Tensors of one role, one below the other: [rows, rest of the shape].
struct Joined {
  std::vector<F32Tensor> parts;
  Shape shape;

  size_t size() const {
    size_t total = 0;
    for (const F32Tensor& part : parts) total += part.values.size();
    return total;
  }
};

/// What a graph reads by one name.
struct Elements {
  F32Tensor f32;
  Shape shape;
};

Result<Elements> read_tensor(const Checkpoint& checkpoint, const std::string& name) {
  const CheckpointTensor* tensor = checkpoint.find(name);
  if (tensor == nullptr) return not_found("tensor " + in_quotes(name) + " is missing");
  LW_ASSIGN_OR_RETURN(F32Tensor elements, read_f32(checkpoint, *tensor));
  return Elements{std::move(elements), tensor->shape};
}

Result<Elements> compute_part(const Checkpoint& checkpoint, const TensorPart& part) {
  Elements source;
  if (!part.tensor.empty()) {
    LW_ASSIGN_OR_RETURN(source, read_tensor(checkpoint, part.tensor));
  }
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(part.shape));
  const auto size = static_cast<size_t>(count);
  auto owned = std::make_unique_for_overwrite<float[]>(size);
  part.compute(source.f32.values, {owned.get(), size});
  const std::span<const float> values(owned.get(), size);
  return Elements{{values, std::move(owned)}, part.shape};
}

Result<Elements> read_source(const Checkpoint& checkpoint, const TensorParts& parts,
                             const std::string& name) {
  const auto found = parts.find(name);
  if (found == parts.end()) return read_tensor(checkpoint, name);
  const TensorPart& part = found->second;
  if (part.compute) return compute_part(checkpoint, part);
  LW_ASSIGN_OR_RETURN(Elements source, read_tensor(checkpoint, part.tensor));
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(part.shape));
  const auto all = static_cast<int64_t>(source.f32.values.size());
  if (part.offset < 0 || part.offset > all || count > all - part.offset) {
    return invalid_argument("tensor " + in_quotes(part.tensor) + " " + to_string(source.shape) +
                            " has no part " + to_string(part.shape) + " at element " +
                            std::to_string(part.offset));
  }
  source.f32.values =
      source.f32.values.subspan(static_cast<size_t>(part.offset), static_cast<size_t>(count));
  source.shape = part.shape;
  return source;
}

Result<Joined> join_tensors(const Checkpoint& checkpoint, const TensorParts& parts,
                            const std::vector<std::string>& names) {
  Joined joined;
  for (const std::string& name : names) {
    LW_ASSIGN_OR_RETURN(Elements source, read_source(checkpoint, parts, name));
    const Shape& shape = source.shape;
    if (joined.parts.empty()) {
      joined.shape = shape;
    } else if (shape.empty() || shape.size() != joined.shape.size() ||
               !std::equal(shape.begin() + 1, shape.end(), joined.shape.begin() + 1)) {
      return invalid_argument("tensor " + in_quotes(name) + " " + to_string(shape) +
                              " cannot be stacked below " + to_string(joined.shape));
    } else {
      joined.shape[0] += shape[0];
    }
    joined.parts.push_back(std::move(source.f32));
  }
  return joined;
}

/// One tensor of all parts; its values are a copy where there are several.
F32Tensor as_one(Joined joined) {
  if (joined.parts.size() == 1) return std::move(joined.parts.front());
  const size_t size = joined.size();
  auto owned = std::make_unique_for_overwrite<float[]>(size);
  float* out = owned.get();
  for (const F32Tensor& part : joined.parts) {
    out = std::copy(part.values.begin(), part.values.end(), out);
  }
  const std::span<const float> values(owned.get(), size);
  return {values, std::move(owned)};
}

/// Roles of a node and the tensors that stand in them.
using Roles = std::vector<std::pair<std::string, std::string>>;

class Packer {
 public:
  Packer(const Checkpoint& checkpoint, const TensorParts& parts, const PackedTypes& types)
      : checkpoint_(checkpoint), parts_(parts), types_(types) {}

  /// Packs what stands in `role` of `node`, and returns the roles that it takes then and the names
  /// of their tensors in the model file.
  Result<Roles> pack(const std::string& node, const std::string& role, Layout layout,
                     const std::vector<std::string>& sources) {
    const auto [known, is_new] = packed_roles_.try_emplace({layout, sources});
    if (is_new) {
      LW_ASSIGN_OR_RETURN(Joined joined, join_tensors(checkpoint_, parts_, sources));
      LW_ASSIGN_OR_RETURN(known->second, add_joined(node, role, layout, std::move(joined)));
    }
    Roles roles = known->second;
    // The first tensor may stand in a role of another name elsewhere.
    roles.front().first = role;
    return roles;
  }

  PackedGraph take(graph::Graph graph) && {
    packed_.graph = std::move(graph);
    return std::move(packed_);
  }

 private:
  Result<Roles> add_joined(const std::string& node, const std::string& role, Layout layout,
                           Joined joined) {
    const std::string name = node + "." + role;
    if (types_.only_finite) {
      const int64_t columns = joined.shape.empty() ? 1 : joined.shape.back();
      for (const F32Tensor& part : joined.parts) {
        LW_RETURN_IF_ERROR(check_finite(name, part.values, columns));
      }
    }
    if (layout == Layout::kRows || types_.type == WeightType::kF32) {
      if (layout == Layout::kPanels) {
        LW_RETURN_IF_ERROR(add_panels(name, joined));
      } else {
        add_rows(name, std::move(joined));
      }
      return Roles{{role, name}};
    }
    LW_RETURN_IF_ERROR(expect_matrix(name, joined));
    const Shape shape = joined.shape;
    const F32Tensor one = as_one(std::move(joined));
    LW_ASSIGN_OR_RETURN(std::vector<PackedRole> packed,
                        layout == Layout::kTable ? narrow_table(one.values, shape)
                                                 : narrow_panels(name, one.values, shape));
    Roles roles;
    for (PackedRole& part : packed) roles.push_back(add_narrow(node, std::move(part)));
    return roles;
  }

  Result<std::vector<PackedRole>> narrow_table(std::span<const float> table, const Shape& shape) {
    if (types_.type != WeightType::kBF16) {
      return table_i8(quantize_int8(table, shape[0], shape[1]));
    }
    std::vector<PackedRole> roles;
    roles.push_back(table_bf16(table, shape[0], shape[1]));
    return roles;
  }

  Result<std::vector<PackedRole>> narrow_panels(const std::string& name, std::span<const float> w,
                                                const Shape& shape) {
    if (types_.type != WeightType::kBF16) {
      LW_ASSIGN_OR_RETURN(const std::shared_ptr<const QuantizedMatrix> matrix,
                          types_.rounding(name, w, shape[0], shape[1]));
      if (matrix != nullptr) return pack_quantized(*matrix);
    }
    std::vector<PackedRole> roles;
    roles.push_back(pack_bf16(w, shape[0], shape[1]));
    return roles;
  }

  std::pair<std::string, std::string> add_narrow(const std::string& node, PackedRole part) {
    const auto bytes = std::make_shared<std::vector<std::byte>>(std::move(part.bytes));
    packed_.owned.push_back(bytes);
    std::string name = node + "." + part.role;
    packed_.tensors.push_back({name, {part.type, bytes->data(), std::move(part.shape)}});
    return {std::move(part.role), std::move(name)};
  }

  void add(const std::string& name, const float* data, Shape shape) {
    packed_.tensors.push_back({name, {DataType::kF32, data, std::move(shape)}});
  }

  float* allocate(size_t size) {
    auto owned = std::make_unique_for_overwrite<float[]>(size);
    float* data = owned.get();
    packed_.owned.push_back(std::shared_ptr<float[]>(std::move(owned)));
    return data;
  }

  static Status expect_matrix(const std::string& name, const Joined& joined) {
    if (joined.shape.size() == 2) return {};
    return invalid_argument(in_quotes(name) + ": expected 2 dimensions, found " +
                            to_string(joined.shape));
  }

  Status add_panels(const std::string& name, const Joined& joined) {
    LW_RETURN_IF_ERROR(expect_matrix(name, joined));
    const int64_t k = joined.shape[1];
    const Shape shape = panel_shape(joined.shape[0], k);
    LW_ASSIGN_OR_RETURN(const int64_t size, element_count(shape));
    std::vector<WeightRows> rows;
    for (const F32Tensor& part : joined.parts) {
      rows.push_back(
          {part.values.data(), k == 0 ? 0 : static_cast<int64_t>(part.values.size()) / k});
    }
    float* panels = allocate(static_cast<size_t>(size));
    pack_panels(rows, k, panels);
    add(name, panels, shape);
    return {};
  }

  void add_rows(const std::string& name, Joined joined) {
    if (joined.parts.size() == 1) {
      F32Tensor& only = joined.parts.front();
      add(name, only.values.data(), joined.shape);
      if (only.owned != nullptr) {
        packed_.owned.push_back(std::shared_ptr<float[]>(std::move(only.owned)));
      }
      return;
    }
    float* out = allocate(joined.size());
    add(name, out, joined.shape);
    for (const F32Tensor& part : joined.parts) {
      out = std::copy(part.values.begin(), part.values.end(), out);
    }
  }

  const Checkpoint& checkpoint_;
  const TensorParts& parts_;
  const PackedTypes& types_;
  std::map<std::pair<Layout, std::vector<std::string>>, Roles> packed_roles_;
  PackedGraph packed_;
};

}  // namespace

Result<PackedGraph> pack_graph(graph::Graph graph, const Checkpoint& checkpoint,
                               const TensorParts& parts, const PackedTypes& types) {
  Packer packer(checkpoint, parts, types);
  // Steps attend to a cache in f32. A run of the whole model must round as they do, or it finds
  // other tokens than they did.
  LW_ASSIGN_OR_RETURN(const std::set<std::string> steps, graph::nodes_of_steps(graph));
  for (graph::Node& node : graph.nodes) {
    decltype(node.weights) weights;
    for (const auto& [role, sources] : node.weights) {
      LW_ASSIGN_OR_RETURN(const Roles roles,
                          packer.pack(node.name, role, layout_of(node.op, role), sources));
      for (const auto& [packed_role, name] : roles) weights[packed_role] = {name};
    }
    node.weights = std::move(weights);
    // Low-precision weights lose more than attention in bf16 does.
    if (ops::find_operator(node.op)->allows_bf16 && types.type != WeightType::kF32 &&
        !steps.contains(node.name)) {
      node.attributes.set("allow_bf16", true);
    }
  }
  return std::move(packer).take(std::move(graph));
}

}  // namespace lanewise::converters
