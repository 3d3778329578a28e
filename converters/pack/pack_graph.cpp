#include "converters/pack/pack_graph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"
#include "converters/pack/kept_weights.hpp"
#include "converters/pack/layouts.hpp"
#include "converters/pack/tables.hpp"
#include "converters/quantize/quantize_rows.hpp"
#include "ops/description.hpp"
#include "ops/weights/f32/f32.hpp"
#include "ops/weights/weight.hpp"
#include "runtime/graph/decoding.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

/// Tensors of one role, stacked: [rows, rest of the shape].
struct Joined {
  std::vector<F32Tensor> parts;
  Shape shape;

  size_t size() const {
    size_t total = 0;
    for (const F32Tensor& part : parts) total += part.values.size();
    return total;
  }
};

/// What one name in a graph refers to.
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

/// All parts as one tensor; copies the values if there are several.
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

/// How a node's weight is stored, and the roles of its tensors.
struct Use {
  std::string node;
  std::string role;
  Layout layout;
};

/// Roles of a node and the tensors in them.
using Roles = std::vector<std::pair<std::string, std::string>>;

/// The tensors of a packed weight, by the suffixes of their roles.
using Suffixes = std::vector<std::pair<std::string, std::string>>;

/// The first product with each weight. A table that is also such a weight (tied embeddings) is
/// looked up from its panels.
std::map<std::vector<std::string>, Use> products_of(const graph::Graph& graph) {
  std::map<std::vector<std::string>, Use> products;
  for (const graph::Node& node : graph.nodes) {
    for (const auto& [role, sources] : node.weights) {
      const Use use{node.name, role, layout_of(node.op, role)};
      if (use.layout == Layout::kPanels) products.try_emplace(sources, use);
    }
  }
  return products;
}

class Packer {
 public:
  Packer(const Checkpoint& checkpoint, const TensorParts& parts, const PackedTypes& types,
         const graph::Graph& graph)
      : checkpoint_(checkpoint), parts_(parts), types_(types), products_(products_of(graph)) {
    for (const graph::Node& node : graph.nodes) {
      for (const auto& [role, sources] : node.weights) {
        if (layout_of(node.op, role) == Layout::kTable) tables_.insert(sources);
      }
    }
  }

  /// Packs the weight of `use`, and returns its roles and the names of their tensors in the model
  /// file.
  Result<Roles> pack(const Use& use, const std::vector<std::string>& sources) {
    const auto product = products_.find(sources);
    const bool is_tied = use.layout == Layout::kTable && product != products_.end();
    const Use& stored = is_tied ? product->second : use;
    const auto [known, is_new] = packed_.try_emplace({stored.layout, sources});
    if (is_new) {
      LW_ASSIGN_OR_RETURN(known->second, add(stored, sources));
      add_pieces(stored, sources);
    }
    Roles roles;
    for (const auto& [suffix, name] : known->second) {
      roles.emplace_back(ops::role_of(use.role, suffix), name);
    }
    return roles;
  }

  PackedGraph take(graph::Graph graph) && {
    result_.graph = std::move(graph);
    return std::move(result_);
  }

 private:
  Result<Suffixes> add(const Use& use, const std::vector<std::string>& sources) {
    const bool keep = types_.keep && use.layout != Layout::kRows;
    const WeightFormat kept = keep ? kept_format(checkpoint_, parts_, sources) : WeightFormat::f32;
    const std::string name = use.node + "." + use.role;
    // Rows of a table in bf16 are f32 without their lower halves, which are zero.
    const bool is_bf16_table = use.layout == Layout::kTable && kept == WeightFormat::bf16_exact;
    if (kept != WeightFormat::f32 && !is_bf16_table) {
      LW_ASSIGN_OR_RETURN(ops::PackedWeight packed, pack_kept(checkpoint_, parts_, sources, kept));
      return add_packed(name, std::move(packed));
    }
    LW_ASSIGN_OR_RETURN(Joined joined, join_tensors(checkpoint_, parts_, sources));
    if (!is_bf16_table) return add_joined(use, sources, std::move(joined));
    LW_RETURN_IF_ERROR(expect_matrix(name, joined));
    const Shape shape = joined.shape;
    const F32Tensor one = as_one(std::move(joined));
    return add_packed(name, pack_table(WeightFormat::bf16_rows, one.values, shape[0], shape[1]));
  }

  /// Records where the tensors of a weight went.
  void add_pieces(const Use& use, const std::vector<std::string>& sources) {
    int64_t row = 0;
    for (const std::string& source : sources) {
      PackedPiece piece{source, 0, {}, use.node, use.role, row};
      const auto part = parts_.find(source);
      if (part != parts_.end()) {
        piece.tensor = part->second.tensor;
        piece.offset = part->second.offset;
        piece.shape = part->second.shape;
      } else {
        piece.shape = checkpoint_.find(source)->shape;
      }
      row += piece.shape.empty() ? 1 : piece.shape[0];
      const bool is_computed = part != parts_.end() && part->second.compute;
      if (!is_computed) result_.pieces.push_back(std::move(piece));
    }
  }

  Result<Suffixes> add_joined(const Use& use, const std::vector<std::string>& sources,
                              Joined joined) {
    const std::string name = use.node + "." + use.role;
    if (types_.only_finite) {
      const int64_t columns = joined.shape.empty() ? 1 : joined.shape.back();
      for (const F32Tensor& part : joined.parts) {
        LW_RETURN_IF_ERROR(check_finite(name, part.values, columns));
      }
    }
    if (use.layout == Layout::kRows) return add_rows(name, std::move(joined));
    LW_RETURN_IF_ERROR(expect_matrix(name, joined));
    if (types_.format == WeightFormat::f32) {
      const bool is_table = use.layout == Layout::kTable;
      result_.formats[name] = is_table ? WeightFormat::f32_rows : WeightFormat::f32;
      return is_table ? add_rows(name, std::move(joined)) : add_panels(name, joined);
    }
    const Shape shape = joined.shape;
    const F32Tensor one = as_one(std::move(joined));
    if (use.layout == Layout::kTable) {
      return add_packed(name,
                        pack_table(table_format(types_.format), one.values, shape[0], shape[1]));
    }
    LW_ASSIGN_OR_RETURN(
        ops::PackedWeight packed,
        pack_product(name, one.values, shape, /*is_tied=*/tables_.contains(sources)));
    return add_packed(name, std::move(packed));
  }

  /// A tied table keeps at least 8 bits: no later layer compensates for rounding the embeddings of
  /// all tokens.
  Result<ops::PackedWeight> pack_product(const std::string& name, std::span<const float> w,
                                         const Shape& shape, bool is_tied) {
    const int64_t n = shape[0], k = shape[1];
    if (!ops::is_packed_from_integers(types_.format)) {
      return ops::pack_weight(types_.format, w.data(), n, k);
    }
    if (is_tied && ops::info_of(types_.format).bits < 8) {
      return ops::pack_weight(quantize_int8(w, n, k));
    }
    LW_ASSIGN_OR_RETURN(const std::shared_ptr<const QuantizedMatrix> matrix,
                        types_.rounding(name, w, n, k));
    if (matrix == nullptr) return ops::pack_weight(WeightFormat::bf16, w.data(), n, k);
    return ops::pack_weight(*matrix);
  }

  /// `name`: of the weight, `<node>.<role>`.
  Suffixes add_packed(const std::string& name, ops::PackedWeight packed) {
    result_.formats[name] = packed.format;
    const auto dot = static_cast<std::ptrdiff_t>(name.rfind('.'));
    const std::string node(name.begin(), name.begin() + dot);
    const std::string role(name.begin() + dot + 1, name.end());
    Suffixes suffixes;
    for (ops::PackedTensor& tensor : packed.tensors) {
      const auto bytes = std::make_shared<std::vector<std::byte>>(std::move(tensor.bytes));
      result_.owned.push_back(bytes);
      const std::string full = node + "." + ops::role_of(role, tensor.suffix);
      result_.tensors.push_back({full, {tensor.type, bytes->data(), std::move(tensor.shape)}});
      suffixes.emplace_back(std::move(tensor.suffix), full);
    }
    return suffixes;
  }

  void add_tensor(const std::string& name, const float* data, Shape shape) {
    result_.tensors.push_back({name, {DataType::kF32, data, std::move(shape)}});
  }

  float* allocate(size_t size) {
    auto owned = std::make_unique_for_overwrite<float[]>(size);
    float* data = owned.get();
    result_.owned.push_back(std::shared_ptr<float[]>(std::move(owned)));
    return data;
  }

  static Status expect_matrix(const std::string& name, const Joined& joined) {
    if (joined.shape.size() == 2) return {};
    return invalid_argument(in_quotes(name) + ": expected 2 dimensions, found " +
                            to_string(joined.shape));
  }

  Result<Suffixes> add_panels(const std::string& name, const Joined& joined) {
    const int64_t k = joined.shape[1];
    const Shape shape{ops::ceil_div(joined.shape[0], 16), k, 16};
    LW_ASSIGN_OR_RETURN(const int64_t size, element_count(shape));
    std::vector<ops::WeightRows> rows;
    for (const F32Tensor& part : joined.parts) {
      rows.push_back(
          {part.values.data(), k == 0 ? 0 : static_cast<int64_t>(part.values.size()) / k});
    }
    float* panels = allocate(static_cast<size_t>(size));
    ops::pack_panels(rows, k, panels);
    add_tensor(name, panels, shape);
    return Suffixes{{"", name}};
  }

  Suffixes add_rows(const std::string& name, Joined joined) {
    if (joined.parts.size() == 1) {
      F32Tensor& only = joined.parts.front();
      add_tensor(name, only.values.data(), joined.shape);
      if (only.owned != nullptr) {
        result_.owned.push_back(std::shared_ptr<float[]>(std::move(only.owned)));
      }
      return {{"", name}};
    }
    float* out = allocate(joined.size());
    add_tensor(name, out, joined.shape);
    for (const F32Tensor& part : joined.parts) {
      out = std::copy(part.values.begin(), part.values.end(), out);
    }
    return {{"", name}};
  }

  const Checkpoint& checkpoint_;
  const TensorParts& parts_;
  const PackedTypes& types_;
  std::map<std::vector<std::string>, Use> products_;
  std::set<std::vector<std::string>> tables_;
  std::map<std::pair<Layout, std::vector<std::string>>, Suffixes> packed_;
  PackedGraph result_;
};

}  // namespace

Result<PackedGraph> pack_graph(graph::Graph graph, const Checkpoint& checkpoint,
                               const TensorParts& parts, const PackedTypes& types) {
  Packer packer(checkpoint, parts, types, graph);
  // Steps attend to a cache in f32. A run of the whole model must round in the same way, or it
  // would give other tokens.
  LW_ASSIGN_OR_RETURN(const std::set<std::string> steps, graph::nodes_of_steps(graph));
  for (graph::Node& node : graph.nodes) {
    decltype(node.weights) weights;
    for (const auto& [role, sources] : node.weights) {
      LW_ASSIGN_OR_RETURN(const Roles roles,
                          packer.pack({node.name, role, layout_of(node.op, role)}, sources));
      for (const auto& [packed_role, name] : roles) weights[packed_role] = {name};
    }
    node.weights = std::move(weights);
    // Low-precision weights lose more than attention in bf16 does.
    if (ops::find_operator(node.op)->allows_bf16 && types.format != WeightFormat::f32 &&
        !steps.contains(node.name)) {
      node.attributes.set("allow_bf16", true);
    }
  }
  return std::move(packer).take(std::move(graph));
}

}  // namespace lanewise::converters
