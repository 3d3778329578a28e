#include <cstdint>
#include <string>

#include "runtime/graph/graph.hpp"
#include "tests/fuzz/require.hpp"

/// Any text gives a valid graph or an error, and a graph survives writing and rereading.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  const auto graph = graph::parse_graph(fuzz::text_of(data, size));
  fuzz::require_message(graph.status());
  if (!graph.ok()) return 0;
  fuzz::require(graph::validate(*graph).ok());
  const std::string json = graph::to_json(*graph);
  const auto again = graph::parse_graph(json);
  fuzz::require(again.ok() && graph::to_json(*again) == json);
  fuzz::require(!graph::to_dot(*graph).empty());
  graph::to_text(*graph);
  for (const auto& [name, value] : graph->outputs) {
    const auto part = graph::restricted_to(*graph, {name});
    fuzz::require(part.ok() && graph::validate(*part).ok() &&
                  part->nodes.size() <= graph->nodes.size());
  }
  return 0;
}
