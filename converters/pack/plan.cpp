#include "converters/pack/plan.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "converters/pack/kept_weights.hpp"
#include "converters/pack/layouts.hpp"
#include "converters/pack/matrix_rows.hpp"
#include "converters/pack/tables.hpp"

namespace lanewise::converters {
namespace {

using Sources = std::vector<std::string>;

/// The rows and columns of tensors that are stacked; a vector is a row of its own.
struct Size {
  int64_t rows = 0;
  int64_t columns = 0;
};

class Planner {
 public:
  Planner(const graph::Graph& graph, const Checkpoint& checkpoint, const TensorParts& parts,
          ops::WeightFormat format, bool keep)
      : graph_(graph), checkpoint_(checkpoint), parts_(parts), format_(format), keep_(keep) {}

  PackPlan plan() && {
    // As pack_graph(): a table that is also a product's weight is stored once, as the latter.
    for (const bool products : {true, false}) {
      for (const graph::Node& node : graph_.nodes) {
        for (const auto& [role, sources] : node.weights) {
          const Layout layout = layout_of(node.op, role);
          if ((layout == Layout::kPanels) != products) continue;
          add(node, role, layout, sources);
        }
      }
    }
    return std::move(plan_);
  }

 private:
  void add(const graph::Node& node, const std::string& role, Layout layout,
           const Sources& sources) {
    const bool is_tied = layout == Layout::kTable && products_.contains(sources);
    const bool is_new = stored_.insert({layout, sources}).second && !is_tied;
    if (layout == Layout::kPanels) products_.insert(sources);
    const ops::WeightFormat format = format_of(layout, sources);
    if (is_new) {
      const Size size = size_of(sources);
      plan_.bytes +=
          bytes(layout, format, {MatrixRows::of(node, role).stored(size.rows), size.columns});
    }
    const std::string use = node.op + " " + role + ", " +
                            std::string(layout == Layout::kRows ? "f32"
                                        : is_tied               ? "shared"
                                                  : ops::label_of(ops::info_of(format)));
    for (const std::string& source : sources) {
      const auto part = parts_.find(source);
      const std::string& tensor = part == parts_.end() ? source : part->second.tensor;
      std::string& uses = plan_.uses[tensor];
      if (uses.find(use) == std::string::npos) uses += (uses.empty() ? "" : "; ") + use;
    }
  }

  ops::WeightFormat format_of(Layout layout, const Sources& sources) const {
    if (layout == Layout::kRows) return ops::WeightFormat::f32;
    const ops::WeightFormat kept =
        keep_ ? kept_format(checkpoint_, parts_, sources) : ops::WeightFormat::f32;
    const bool is_table = layout == Layout::kTable;
    if (is_table && kept == ops::WeightFormat::bf16_exact) return ops::WeightFormat::bf16_rows;
    if (kept != ops::WeightFormat::f32) return kept;
    if (is_table && format_ != ops::WeightFormat::f32) return table_format(format_);
    const bool fits =
        format_ != ops::kDecoderInt4 || size_of(sources).columns % ops::info_of(format_).block == 0;
    return fits ? format_ : ops::WeightFormat::i4g32;
  }

  Size size_of(const Sources& sources) const {
    Size size;
    for (const std::string& source : sources) {
      const auto part = parts_.find(source);
      const CheckpointTensor* tensor = checkpoint_.find(source);
      const Shape shape = part != parts_.end() ? part->second.shape
                          : tensor != nullptr  ? tensor->shape
                                               : Shape();
      const Result<int64_t> count = element_count(shape);
      if (!count.ok() || *count == 0) continue;
      size.rows += shape.size() < 2 ? 1 : shape[0];
      size.columns = shape.size() < 2 ? *count : *count / shape[0];
    }
    return size;
  }

  /// Panels of 16 rows are padded. What a row has once is a scale and a sum.
  static int64_t bytes(Layout layout, ops::WeightFormat format, const Size& size) {
    constexpr int64_t kPanel = 16;
    constexpr int64_t kRowBytes = 8;
    const bool is_panels = layout == Layout::kPanels || ops::has_panels(format);
    const int64_t rows = is_panels && layout != Layout::kRows
                             ? (size.rows + kPanel - 1) / kPanel * kPanel
                             : size.rows;
    const ops::WeightFormatInfo& info = ops::info_of(format);
    const double bits = static_cast<double>(rows) * static_cast<double>(size.columns) * info.bits;
    const bool has_row_values = ops::rounds_rows(format) || info.bits == 8;
    return static_cast<int64_t>(bits / 8) + (has_row_values ? rows * kRowBytes : 0);
  }

  const graph::Graph& graph_;
  const Checkpoint& checkpoint_;
  const TensorParts& parts_;
  ops::WeightFormat format_;
  bool keep_;
  std::set<Sources> products_;
  std::set<std::pair<Layout, Sources>> stored_;
  PackPlan plan_;
};

}  // namespace

PackPlan plan_packing(const graph::Graph& graph, const Checkpoint& checkpoint,
                      const TensorParts& parts, ops::WeightFormat format, bool keep) {
  return Planner(graph, checkpoint, parts, format, keep).plan();
}

}  // namespace lanewise::converters
