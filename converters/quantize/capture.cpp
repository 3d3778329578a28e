#include "converters/quantize/capture.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/run_sequence.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/model_data.hpp"
#include "runtime/plan/program.hpp"
#include "runtime/session_setup.hpp"

namespace lanewise::converters {
namespace {

// Enough for error feedback with a few thousand inputs; more texts add little.
constexpr int64_t kMostRows = 2048;

/// A weight and the value that it multiplies.
struct Product {
  std::string weight;  ///< `<node>.<role>`
  graph::ValueId value;
  int64_t k;     ///< the first k of the value's features
  int64_t rows;  ///< or this many times k features, side by side
};

/// Rows of inputs that a row of the value holds.
int64_t rows_of(const graph::Graph& graph, const graph::Node& node) {
  const ops::OperatorDescription& op = *ops::find_operator(node.op);
  if (op.product_rows == nullptr) return 1;
  std::vector<int64_t> features;
  for (const graph::ValueId input : node.inputs) {
    features.push_back(graph.values[static_cast<size_t>(input)].features);
  }
  return op.product_rows(node.attributes, features);
}

std::vector<Product> products_of(const graph::Graph& graph) {
  std::vector<Product> products;
  for (const graph::Node& node : graph.nodes) {
    const ops::OperatorDescription& op = *ops::find_operator(node.op);
    for (const ops::WeightRole& weight : std::span<const ops::WeightRole>(op.weights)) {
      if (weight.use != ops::WeightUse::kProduct) continue;
      // A recurrent layer multiplies its own states: the output of the previous step.
      const graph::ValueId value =
          weight.multiplies_output ? node.output : node.inputs[weight.input];
      const int64_t features = graph.values[static_cast<size_t>(value)].features;
      const int64_t rows = rows_of(graph, node);
      products.push_back({node.name + "." + std::string(weight.role), value,
                          (weight.multiplies_output ? features / op.state_parts : features) / rows,
                          rows});
    }
  }
  return products;
}

/// Keeps every stride-th row, and drops every other one whenever there are too many.
class RowCollector {
 public:
  explicit RowCollector(const Product& product) : side_by_side_(product.rows) {
    rows_.k = product.k;
  }

  void add(const ops::Operand& from) {
    for (int64_t row = 0; row < from.rows; ++row) {
      for (int64_t i = 0; i < side_by_side_; ++i) {
        if (seen_++ % stride_ == 0) add(from.f32(row) + i * rows_.k);
      }
    }
  }

  InputRows take() && { return std::move(rows_); }

 private:
  void add(const float* row) {
    const bool finite = std::all_of(row, row + rows_.k, [](float x) { return std::isfinite(x); });
    if (!finite) return;
    rows_.x.insert(rows_.x.end(), row, row + rows_.k);
    if (++rows_.rows == kMostRows) thin_out();
  }

  void thin_out() {
    stride_ *= 2;
    rows_.rows /= 2;
    for (int64_t row = 1; row < rows_.rows; ++row) {
      std::copy_n(rows_.x.begin() + 2 * row * rows_.k, rows_.k, rows_.x.begin() + row * rows_.k);
    }
    rows_.x.resize(static_cast<size_t>(rows_.rows * rows_.k));
  }

  InputRows rows_;
  const int64_t side_by_side_;
  int64_t seen_ = 0;
  int64_t stride_ = 1;
};

/// Restricts a model's graph to what `products` need; their inputs become its outputs.
Result<graph::Graph> graph_to_inputs(const graph::Graph& graph,
                                     const std::vector<Product>& products) {
  graph::Graph wanted = graph;
  wanted.outputs.clear();
  std::vector<std::string> names;
  for (const Product& product : products) {
    const std::string name = std::to_string(product.value);
    if (wanted.outputs.emplace(name, product.value).second) names.push_back(name);
  }
  return graph::restricted_to(wanted, names);
}

}  // namespace

Result<CapturedInputs> capture_inputs(const Model& model, std::span<const Sample> samples,
                                      int threads) {
  const std::vector<Product> products = products_of(model.data().graph());
  if (products.empty() || samples.empty()) return CapturedInputs();
  LW_ASSIGN_OR_RETURN(const SessionSetup setup, check_session_options({.threads = threads}));
  LW_ASSIGN_OR_RETURN(graph::Graph graph, graph_to_inputs(model.data().graph(), products));
  LW_ASSIGN_OR_RETURN(const plan::Program program,
                      plan::make_program(model.data(), std::move(graph), {.isa = setup.isa}));
  exec::Team team(setup.threads);
  exec::Executor executor(program, team);
  std::vector<RowCollector> collectors;
  collectors.reserve(products.size());
  for (const Product& product : products) collectors.emplace_back(product);
  for (const Sample& sample : samples) {
    LW_RETURN_IF_ERROR(exec::run_sequence(program, executor, sample.source, sample.target, {}));
    for (size_t i = 0; i < products.size(); ++i) {
      collectors[i].add(executor.result(products[i].value));
    }
  }
  CapturedInputs inputs;
  for (size_t i = 0; i < products.size(); ++i) {
    inputs[products[i].weight] = std::move(collectors[i]).take();
  }
  return inputs;
}

}  // namespace lanewise::converters
