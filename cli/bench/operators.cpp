#include "cli/bench/operators.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "lanewise/inspect.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// A single run's profile may contain an interruption; shares are over this many runs.
constexpr int kProfiledRuns = 5;

using OperatorTimes = std::map<std::string, OperatorTime>;

/// Adds one run's spans to `times`, by operator.
void add_profile(const std::vector<Session::NodeTime>& profile, OperatorTimes& times) {
  for (const Session::NodeTime& node : profile) {
    OperatorTime& time = times[std::string(node.op)];
    time.milliseconds += (node.end_us - node.begin_us) / 1e3;
    // A node has a span per thread, and each span holds the operations of the whole node.
    if (node.thread == 0) time.gflops += node.flops;
  }
}

/// One for each sequence, or for each token.
double rows_of(const GraphValue& value, const BenchResult& result) {
  const auto sequences = static_cast<double>(result.lengths.size());
  if (value.rows.find("sequence") != std::string::npos) return sequences;
  return std::accumulate(result.lengths.begin(), result.lengths.end(), 0.0);
}

double bytes_of(const GraphValue& value, const BenchResult& result) {
  constexpr double kBytesOfANumber = 4.0;  // f32 and i32
  return kBytesOfANumber * static_cast<double>(value.features) * rows_of(value, result);
}

/// What each operator must read and write in a run: its inputs, its output, its weights once. Of a
/// table that is looked up, the rows that become the output. Only for models without a decoder: how
/// often a step repeats is the search's affair.
Status add_bytes(const Model& model, const BenchResult& result, OperatorTimes& times) {
  LANEWISE_ASSIGN_OR_RETURN(const ModelGraph graph, ModelGraph::of(model));
  LANEWISE_ASSIGN_OR_RETURN(const ModelContents contents, inspect(model));
  std::map<std::string, int64_t> tensor_bytes;
  for (const TensorInfo& tensor : contents.tensors) tensor_bytes[tensor.name] = tensor.bytes;
  // The graph also has nodes of outputs that were not requested.
  std::set<std::string_view> ran;
  for (const Session::NodeTime& node : result.profile) ran.insert(node.name);
  const auto value = [&](int index) { return graph.values()[static_cast<size_t>(index)]; };
  for (const GraphNode& node : graph.nodes()) {
    const auto found = times.find(node.op);
    if (found == times.end() || !ran.contains(node.name)) continue;
    double bytes = bytes_of(value(node.output), result);
    const bool looks_up = node.op.find("embed") != std::string::npos;
    if (looks_up) bytes *= 2.0;
    for (const int input : node.inputs) bytes += bytes_of(value(input), result);
    for (const auto& [role, names] : node.weights) {
      for (const std::string& name : names) {
        if (!looks_up) bytes += static_cast<double>(tensor_bytes[name]);
      }
    }
    found->second.bytes += bytes;
  }
  return {};
}

/// Sums over kProfiledRuns and a team become the numbers of one run.
std::vector<OperatorTime> finish_operators(const OperatorTimes& times, int threads) {
  std::vector<OperatorTime> operators;
  double all = 0.0;
  operators.reserve(times.size());
  for (const auto& [op, sums] : times) {
    OperatorTime time = sums;
    all += time.milliseconds;
    const double wall_seconds = time.milliseconds / 1e3 / threads;
    time.op = op;
    time.gflops = wall_seconds > 0.0 ? time.gflops / wall_seconds / 1e9 : 0.0;
    operators.push_back(std::move(time));
  }
  for (OperatorTime& time : operators) {
    time.share = all > 0.0 ? time.milliseconds / all : 0.0;
    time.milliseconds /= kProfiledRuns * threads;
  }
  std::sort(operators.begin(), operators.end(),
            [](const OperatorTime& a, const OperatorTime& b) { return a.share > b.share; });
  return operators;
}

std::optional<GenerationTimes> median_of(std::vector<GenerationTimes> times) {
  if (times.empty()) return std::nullopt;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end(), [](const auto& a, const auto& b) {
    return a.first_token_ms < b.first_token_ms;
  });
  return *middle;
}

}  // namespace

Result<std::vector<BenchPart>> profile_runs(const Model& model, BenchTarget& target,
                                            BenchResult& result) {
  target.set_profiling(true);
  OperatorTimes times;
  std::vector<GenerationTimes> generations;
  for (int i = 0; i < kProfiledRuns; ++i) {
    LANEWISE_RETURN_IF_ERROR(target.run());
    result.profile = target.profile();
    add_profile(result.profile, times);
    if (const auto generation = target.generation()) generations.push_back(*generation);
  }
  result.generation = median_of(std::move(generations));
  std::vector<BenchPart> parts = target.parts();
  target.set_profiling(false);
  if (result.new_tokens == 0) LANEWISE_RETURN_IF_ERROR(add_bytes(model, result, times));
  result.operators = finish_operators(times, target.threads());
  return parts;
}

}  // namespace lanewise::cli
