#include "converters/pack/pack_graph.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/pack/joined_tensors.hpp"
#include "converters/pack/kept_weights.hpp"
#include "converters/pack/layouts.hpp"
#include "converters/pack/matrix_rows.hpp"
#include "converters/pack/tables.hpp"
#include "converters/quantize/quantize_rows.hpp"
#include "ops/description.hpp"
#include "ops/weights/f32/f32.hpp"
#include "ops/weights/weight.hpp"
#include "runtime/graph/decoding.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

/// How a node's weight is stored, and the roles of its tensors.
struct Use {
  std::string node;
  std::string role;
  Layout layout;
  MatrixRows places;
};

Use use_of(const graph::Node& node, const std::string& role) {
  return {node.name, role, layout_of(node.op, role), MatrixRows::of(node, role)};
}

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
      const Use use = use_of(node, role);
      if (use.layout == Layout::kPanels) products.try_emplace(sources, use);
    }
  }
  return products;
}

/// Reads the tensors of a weight when it is written. What it refers to must outlive it.
struct WeightReader {
  const Checkpoint* checkpoint;
  const TensorParts* parts;
  std::string name;
  std::vector<std::string> sources;
  MatrixRows places;
  bool only_finite;

  Result<JoinedTensors> read() const {
    // Of the tensors before, which are written by now.
    checkpoint->release_pages();
    LW_ASSIGN_OR_RETURN(JoinedTensors joined, read_joined(*checkpoint, *parts, sources));
    if (!only_finite) return pad(std::move(joined), places);
    const int64_t columns = joined.shape.empty() ? 1 : joined.shape.back();
    for (const F32Tensor& part : joined.parts) {
      LW_RETURN_IF_ERROR(check_finite(name, part.values, columns));
    }
    return pad(std::move(joined), places);
  }

  /// The values as they are: in place, if they are one tensor of f32.
  Result<file::OwnedBytes> read_bytes() const {
    LW_ASSIGN_OR_RETURN(JoinedTensors joined, read());
    const auto one = std::make_shared<const F32Tensor>(std::move(joined).as_one());
    return file::OwnedBytes{std::as_bytes(one->values), one};
  }

  /// Panels of f32.
  Result<file::OwnedBytes> read_panels() const {
    LW_ASSIGN_OR_RETURN(const JoinedTensors joined, read());
    const int64_t n = joined.shape[0], k = joined.shape[1];
    std::vector<ops::WeightRows> rows;
    for (const F32Tensor& part : joined.parts) {
      const auto count = static_cast<int64_t>(part.values.size());
      rows.push_back({part.values.data(), k == 0 ? 0 : count / k});
    }
    const auto size = static_cast<size_t>(ops::ceil_div(n, 16) * k * 16);
    const std::shared_ptr<float[]> panels(std::make_unique_for_overwrite<float[]>(size));
    ops::pack_panels(rows, k, panels.get());
    return file::OwnedBytes{std::as_bytes(std::span(panels.get(), size)), panels};
  }

  template <typename Pack>
  Result<ops::PackedWeight> pack(const Pack& pack_values) const {
    LW_ASSIGN_OR_RETURN(JoinedTensors joined, read());
    const F32Tensor one = std::move(joined).as_one();
    return pack_values(one.values);
  }

  Result<ops::PackedWeight> pack_kept(WeightFormat format) const {
    checkpoint->release_pages();
    return converters::pack_kept(*checkpoint, *parts, sources, format, places);
  }
};

/// A weight that is packed when its first tensor is written.
class DeferredWeight {
 public:
  using Pack = std::function<Result<ops::PackedWeight>()>;
  explicit DeferredWeight(Pack pack) : pack_(std::move(pack)) {}

  /// The bytes of its tensor `index`. Each is taken once.
  Result<file::OwnedBytes> take(size_t index) {
    if (pack_) {
      LW_ASSIGN_OR_RETURN(packed_, pack_());
      pack_ = nullptr;
    }
    auto& bytes = packed_.tensors[index].bytes;
    const auto owned = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    return file::OwnedBytes{*owned, owned};
  }

 private:
  Pack pack_;
  ops::PackedWeight packed_;
};

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
  using Names = std::vector<std::string>;

  Result<Suffixes> add(const Use& use, const Names& sources) {
    const bool keep = types_.keep && use.layout != Layout::kRows;
    const WeightFormat kept = keep ? kept_format(checkpoint_, parts_, sources) : WeightFormat::f32;
    const WeightReader reader{&checkpoint_, &parts_,    use.node + "." + use.role,
                              sources,      use.places, types_.only_finite};
    // Rows of a table in bf16 are f32 without their lower halves, which are zero.
    const bool is_bf16_table = use.layout == Layout::kTable && kept == WeightFormat::bf16_exact;
    if (kept != WeightFormat::f32 && !is_bf16_table) return add_kept(reader, kept);
    LW_ASSIGN_OR_RETURN(const Shape stacked, joined_shape(checkpoint_, parts_, sources));
    if (use.layout == Layout::kRows) return add_rows(reader, stacked);
    if (stacked.size() != 2) {
      return invalid_argument(in_quotes(reader.name) + ": expected 2 dimensions, found " +
                              to_string(stacked));
    }
    LW_RETURN_IF_ERROR(use.places.check(stacked[0]));
    const Shape shape = use.places.stored(stacked);
    if (use.layout == Layout::kPanels) return add_product(reader, shape);
    const auto format = is_bf16_table ? WeightFormat::bf16_rows : table_format(types_.format);
    if (format != WeightFormat::f32_rows) return add_table(reader, shape, format);
    result_.formats[reader.name] = format;
    return add_rows(reader, shape);
  }

  /// Records where the tensors of a weight went.
  void add_pieces(const Use& use, const std::vector<std::string>& sources) {
    int64_t all = 0;
    for (const std::string& source : sources) all += rows_in(piece_of(use, source).shape);
    int64_t first = 0;
    for (const std::string& source : sources) {
      const PackedPiece piece = piece_of(use, source);
      const int64_t count = rows_in(piece.shape);
      const auto part = parts_.find(source);
      const bool is_computed = part != parts_.end() && part->second.compute;
      if (!is_computed) add_ranges(piece, use.places.ranges(all, first, count));
      first += count;
    }
  }

  PackedPiece piece_of(const Use& use, const std::string& source) const {
    const auto found = parts_.find(source);
    if (found == parts_.end()) {
      return {source, 0, checkpoint_.find(source)->shape, use.node, use.role, 0};
    }
    const TensorPart& part = found->second;
    return {part.tensor, part.offset, part.shape, use.node, use.role, 0};
  }

  static int64_t rows_in(const Shape& shape) { return shape.empty() ? 1 : shape[0]; }

  void add_ranges(PackedPiece piece, std::span<const RowRange> ranges) {
    for (const RowRange& range : ranges) {
      if (ranges.size() > 1) piece.shape[0] = range.count;
      piece.row = range.stored;
      result_.pieces.push_back(piece);
      piece.offset += ranges.size() > 1 ? range.count * piece.shape[1] : 0;
    }
  }

  Result<Suffixes> add_kept(const WeightReader& reader, WeightFormat format) {
    LW_ASSIGN_OR_RETURN(const Shape stacked, kept_shape(checkpoint_, parts_, reader.sources));
    LW_RETURN_IF_ERROR(reader.places.check(stacked[0]));
    const Shape shape = reader.places.stored(stacked);
    return add_deferred(reader.name, format, ops::tensors_of_weight(format, shape[0], shape[1]),
                        [reader, format] { return reader.pack_kept(format); });
  }

  /// Values of which only the place changes.
  Suffixes add_rows(const WeightReader& reader, const Shape& shape) {
    result_.tensors.push_back(
        {reader.name, DataType::kF32, shape, [reader] { return reader.read_bytes(); }});
    return {{"", reader.name}};
  }

  Result<Suffixes> add_table(const WeightReader& reader, const Shape& shape, WeightFormat format) {
    const int64_t n = shape[0], k = shape[1];
    return add_deferred(
        reader.name, format, tensors_of_table(format, n, k), [reader, format, n, k] {
          return reader.pack([=](std::span<const float> w) { return pack_table(format, w, n, k); });
        });
  }

  /// A tied table keeps at least 8 bits: no later layer compensates for rounding the embeddings of
  /// all tokens.
  Result<Suffixes> add_product(const WeightReader& reader, const Shape& shape) {
    const WeightFormat format = types_.format;
    if (ops::is_packed_from_integers(format)) return add_integers(reader, shape);
    const int64_t n = shape[0], k = shape[1];
    if (format != WeightFormat::f32) {
      return add_deferred(
          reader.name, format, ops::tensors_of_weight(format, n, k), [reader, format, n, k] {
            return reader.pack(
                [=](std::span<const float> w) { return ops::pack_weight(format, w.data(), n, k); });
          });
    }
    // The largest models are in f32, so their matrices are packed from where they are.
    result_.formats[reader.name] = format;
    ops::PackedTensor panels = std::move(ops::tensors_of_weight(format, n, k).front());
    result_.tensors.push_back({reader.name, panels.type, std::move(panels.shape),
                               [reader] { return reader.read_panels(); }});
    return Suffixes{{"", reader.name}};
  }

  /// Their tensors depend on the quantised values, so these are determined at once.
  Result<Suffixes> add_integers(const WeightReader& reader, const Shape& shape) {
    const std::string& name = reader.name;
    const int64_t n = shape[0], k = shape[1];
    LW_ASSIGN_OR_RETURN(JoinedTensors joined, reader.read());
    const F32Tensor one = std::move(joined).as_one();
    const bool is_tied = tables_.contains(reader.sources);
    if (is_tied && ops::info_of(types_.format).bits < 8) {
      return add_packed(name, ops::pack_weight(quantize_int8(one.values, n, k)));
    }
    LW_ASSIGN_OR_RETURN(const std::shared_ptr<const QuantizedMatrix> matrix,
                        types_.rounding(name, one.values, n, k));
    return add_packed(name, matrix == nullptr
                                ? ops::pack_weight(WeightFormat::bf16, one.values.data(), n, k)
                                : ops::pack_weight(*matrix));
  }

  Suffixes add_packed(const std::string& name, ops::PackedWeight packed) {
    std::vector<ops::PackedTensor> tensors;
    for (const ops::PackedTensor& tensor : packed.tensors) {
      tensors.push_back({tensor.suffix, tensor.type, tensor.shape, {}});
    }
    const WeightFormat format = packed.format;
    // A function must be copyable, and the bytes exist once.
    const auto shared = std::make_shared<ops::PackedWeight>(std::move(packed));
    return add_deferred(name, format, std::move(tensors),
                        [shared] { return Result<ops::PackedWeight>(std::move(*shared)); });
  }

  /// `name`: of the weight, `<node>.<role>`. `tensors`: those of what `pack` returns.
  Suffixes add_deferred(const std::string& name, WeightFormat format,
                        std::vector<ops::PackedTensor> tensors, DeferredWeight::Pack pack) {
    result_.formats[name] = format;
    const auto weight = std::make_shared<DeferredWeight>(std::move(pack));
    const size_t dot = name.rfind('.');
    const std::string node = name.substr(0, dot), role = name.substr(dot + 1);
    Suffixes suffixes;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const std::string full = node + "." + ops::role_of(role, tensors[i].suffix);
      result_.tensors.push_back({full, tensors[i].type, std::move(tensors[i].shape),
                                 [weight, i] { return weight->take(i); }});
      suffixes.emplace_back(std::move(tensors[i].suffix), full);
    }
    return suffixes;
  }

  const Checkpoint& checkpoint_;
  const TensorParts& parts_;
  const PackedTypes& types_;
  std::map<Names, Use> products_;
  std::set<Names> tables_;
  std::map<std::pair<Layout, Names>, Suffixes> packed_;
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
      LW_ASSIGN_OR_RETURN(const Roles roles, packer.pack(use_of(node, role), sources));
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
