#include "runtime/node_times.hpp"

namespace lanewise {

void append_node_times(const plan::Program& program, const exec::Executor& executor,
                       double begin_us, std::vector<Session::NodeTime>& times) {
  const size_t steps = program.graph.nodes.size();
  for (size_t i = 0; i < executor.spans().size(); ++i) {
    const exec::Span& span = executor.spans()[i];
    if (span.end_us < span.begin_us) continue;
    const graph::Node& node = program.graph.nodes[i % steps];
    times.push_back({.name = node.name,
                     .op = node.op,
                     .implementation = program.operators[i % steps]->implementation(),
                     .thread = static_cast<int>(i / steps),
                     .begin_us = begin_us + span.begin_us,
                     .end_us = begin_us + span.end_us,
                     .flops = executor.flops(i % steps)});
  }
}

}  // namespace lanewise
