#include "runtime/plan/memory_plan.hpp"

#include <algorithm>

#include "base/saturating.hpp"

namespace lanewise::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

constexpr int64_t kVector = 16;

/// Indices of the nodes that write and last read a value.
struct Lifetime {
  int first = 0;
  int last = 0;
};

std::vector<Lifetime> lifetimes(const Graph& graph) {
  std::vector<Lifetime> lives(graph.values.size());
  const int end = static_cast<int>(graph.nodes.size());
  for (int i = 0; i < end; ++i) {
    const Node& node = graph.nodes[static_cast<size_t>(i)];
    lives[static_cast<size_t>(node.output)] = {i, i};
    for (const ValueId input : node.inputs) lives[static_cast<size_t>(input)].last = i;
  }
  for (const auto& [name, value] : graph.outputs) lives[static_cast<size_t>(value)].last = end;
  return lives;
}

/// A range of bytes per row that is occupied during a lifetime.
struct Reservation {
  Lifetime life;
  int64_t begin = 0;
  int64_t end = 0;
};

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

/// The lowest offset with `size` bytes free during `life`.
int64_t first_fit(const std::vector<Reservation>& taken, const Lifetime& life, int64_t size) {
  std::vector<Reservation> conflicts;
  for (const Reservation& other : taken) {
    if (overlap(other.life, life)) conflicts.push_back(other);
  }
  std::sort(conflicts.begin(), conflicts.end(),
            [](const Reservation& a, const Reservation& b) { return a.begin < b.begin; });
  int64_t offset = 0;
  for (const Reservation& other : conflicts) {
    if (other.begin - offset >= size) break;
    offset = std::max(offset, other.end);
  }
  return offset;
}

bool is_input(const Graph& graph, ValueId value) {
  return std::find(graph.inputs.begin(), graph.inputs.end(), value) != graph.inputs.end();
}

/// The value whose memory `node` may reuse for its output: its operator allows it, the value is not
/// read later and has the same shape.
ValueId in_place_source(const Graph& graph, int index, const ops::Operator& op,
                        const std::vector<Lifetime>& lives) {
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  const int input = op.in_place_input();
  if (input < 0 || input >= static_cast<int>(node.inputs.size())) return -1;
  const ValueId source = node.inputs[static_cast<size_t>(input)];
  if (is_input(graph, source) || lives[static_cast<size_t>(source)].last != index) return -1;
  if (std::count(node.inputs.begin(), node.inputs.end(), source) != 1) return -1;
  const graph::Value& from = graph.values[static_cast<size_t>(source)];
  const graph::Value& to = graph.values[static_cast<size_t>(node.output)];
  return from.rows == to.rows && from.features == to.features && from.type == to.type ? source : -1;
}

}  // namespace

int64_t row_stride(int64_t features) {
  constexpr int64_t kAliasing = 512;  // floats: 2 KiB
  const int64_t stride = (features + kVector - 1) / kVector * kVector;
  return stride % kAliasing == 0 ? stride + kVector : stride;
}

int64_t Regions::total_bytes(const RowCounts& rows) const noexcept {
  int64_t total = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    total = base::add_or_max(total, base::multiply_or_max(bytes_per_row[i], rows[i]));
  }
  return total;
}

std::array<int64_t, graph::kRowSymbols> Regions::offsets(const RowCounts& rows) const noexcept {
  std::array<int64_t, graph::kRowSymbols> offsets{};
  for (size_t i = 1; i < rows.size(); ++i) {
    offsets[i] = offsets[i - 1] + bytes_per_row[i - 1] * rows[i - 1];
  }
  return offsets;
}

MemoryPlan plan_memory(const Graph& graph, const std::vector<ops::OperatorPtr>& operators) {
  MemoryPlan plan;
  plan.values.resize(graph.values.size());
  for (const ValueId input : graph.inputs) {
    plan.values[static_cast<size_t>(input)].stride =
        graph.values[static_cast<size_t>(input)].features;
  }
  for (const auto& [name, value] : graph.outputs) {
    plan.values[static_cast<size_t>(value)].result = true;
  }
  const std::vector<Lifetime> lives = lifetimes(graph);
  std::array<std::vector<Reservation>, graph::kRowSymbols> taken;
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    const ValueId output = graph.nodes[static_cast<size_t>(i)].output;
    const graph::Value& value = graph.values[static_cast<size_t>(output)];
    const auto symbol = static_cast<size_t>(value.rows);
    Placement& place = plan.values[static_cast<size_t>(output)];
    place.stride = row_stride(value.features);
    const int64_t bytes = place.stride * static_cast<int64_t>(size_of(value.type));
    if (place.result) {
      place.offset_per_row = plan.results.bytes_per_row[symbol];
      plan.results.bytes_per_row[symbol] += bytes;
      continue;
    }
    const ValueId source = in_place_source(graph, i, *operators[static_cast<size_t>(i)], lives);
    place.offset_per_row =
        source >= 0 ? plan.values[static_cast<size_t>(source)].offset_per_row
                    : first_fit(taken[symbol], lives[static_cast<size_t>(output)], bytes);
    taken[symbol].push_back(
        {lives[static_cast<size_t>(output)], place.offset_per_row, place.offset_per_row + bytes});
    int64_t& most = plan.work.bytes_per_row[symbol];
    most = std::max(most, place.offset_per_row + bytes);
  }
  return plan;
}

}  // namespace lanewise::plan
