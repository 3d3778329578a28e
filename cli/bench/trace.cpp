#include "cli/bench/trace.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lanewise::cli {

std::string chrome_trace(std::span<const Session::NodeTime> profile) {
  nlohmann::ordered_json events = nlohmann::ordered_json::array();
  std::set<int> threads;
  for (const Session::NodeTime& node : profile) {
    threads.insert(node.thread);
    events.push_back({{"name", node.name},
                      {"cat", node.op},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", node.thread},
                      {"ts", node.begin_us},
                      {"dur", node.end_us - node.begin_us},
                      {"args",
                       {{"op", node.op},
                        {"implementation", node.implementation},
                        {"mflop_of_node", node.flops / 1e6}}}});
  }
  for (const int thread : threads) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 1},
                      {"tid", thread},
                      {"args", {{"name", fmt::format("thread {}", thread)}}}});
  }
  const nlohmann::ordered_json json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lanewise::cli
