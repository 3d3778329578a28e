#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

#include "base/messages.hpp"
#include "runtime/grammar/automaton.hpp"

namespace lanewise::grammar {
namespace {

constexpr int32_t kNever = std::numeric_limits<int32_t>::max();

}  // namespace

/// Makes an automaton of what a builder collected.
class AutomatonAnalysis {
 public:
  explicit AutomatonAnalysis(const AutomatonBuilder& builder) {
    made_.rule_of_ = builder.rule_of_;
    made_.accepts_.resize(builder.rule_of_.size());
    for (const AutomatonBuilder::Rule& rule : builder.rules_) {
      made_.starts_.push_back(rule.start);
      made_.accepts_[static_cast<size_t>(rule.end)] = 1;
    }
    list_ = builder.edges_;
    sort_edges();
    skip_empty_calls();
  }

  /// Orders the rules by their left calls; returns a rule that has no place, or -1.
  int32_t rank_rules();
  Result<Automaton> finish() {
    made_.heights_ = heights(true);
    if (made_.heights_[static_cast<size_t>(made_.start(0))] == kNever) {
      return invalid_argument("no text matches");
    }
    drop_dead_edges();
    find_tails();
    find_classes();
    return std::move(made_);
  }

 private:
  using Added = AutomatonBuilder::Added;

  void sort_edges();
  void skip_empty_calls();
  std::vector<int32_t> heights(bool with_bytes) const;
  std::vector<int32_t> left_calls(int32_t rule, std::vector<int32_t>& seen) const;
  void drop_dead_edges();
  void find_tails();
  void find_classes();

  Automaton made_;
  std::vector<Added> list_;
};

void AutomatonAnalysis::sort_edges() {
  std::stable_sort(list_.begin(), list_.end(), [](const Added& a, const Added& b) {
    if (a.from != b.from) return a.from < b.from;
    return a.edge.kind < b.edge.kind;
  });
  made_.edges_.clear();
  made_.offsets_.assign(made_.rule_of_.size() + 1, 0);
  for (const Added& added : list_) {
    made_.edges_.push_back(added.edge);
    ++made_.offsets_[static_cast<size_t>(added.from) + 1];
  }
  for (size_t i = 1; i < made_.offsets_.size(); ++i) made_.offsets_[i] += made_.offsets_[i - 1];
}

/// A call of a rule that may be empty may be left out. Whoever follows a call then need not expect
/// that it ends before it has read a byte.
void AutomatonAnalysis::skip_empty_calls() {
  const std::vector<int32_t> empty = heights(false);
  const size_t count = list_.size();
  for (size_t i = 0; i < count; ++i) {
    const Added added = list_[i];
    if (added.edge.kind != Edge::Kind::kCall) continue;
    if (empty[static_cast<size_t>(made_.start(added.edge.rule))] == kNever) continue;
    list_.push_back({added.from, {Edge::Kind::kEmpty, 0, 0, added.edge.target, 0}});
  }
  if (list_.size() != count) sort_edges();
}

/// For each node the depth of calls that its rule needs to end, kNever if it cannot.
///
/// Dijkstra's algorithm from the ends of the rules; a path is as long as its deepest call (Knuth
/// 1977, "A generalization of Dijkstra's algorithm").
///
/// with_bytes  whether edges that read bytes count
std::vector<int32_t> AutomatonAnalysis::heights(bool with_bytes) const {
  std::vector<int32_t> height(made_.rule_of_.size(), kNever);
  // Edges by their target, and calls by the start of their rule.
  std::vector<std::vector<int32_t>> to(height.size());
  for (size_t i = 0; i < list_.size(); ++i) {
    const Edge& edge = list_[i].edge;
    if (edge.kind == Edge::Kind::kBytes && !with_bytes) continue;
    to[static_cast<size_t>(edge.target)].push_back(static_cast<int32_t>(i));
    if (edge.kind == Edge::Kind::kCall) {
      to[static_cast<size_t>(made_.start(edge.rule))].push_back(static_cast<int32_t>(i));
    }
  }
  using Entry = std::pair<int32_t, int32_t>;  // height, node
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> open;
  const auto reach = [&](int32_t node, int32_t found) {
    if (found >= height[static_cast<size_t>(node)]) return;
    height[static_cast<size_t>(node)] = found;
    open.push({found, node});
  };
  for (size_t node = 0; node < height.size(); ++node) {
    if (made_.accepts_[node] != 0) reach(static_cast<int32_t>(node), 0);
  }
  while (!open.empty()) {
    const auto [found, node] = open.top();
    open.pop();
    if (found != height[static_cast<size_t>(node)]) continue;
    for (const int32_t i : to[static_cast<size_t>(node)]) {
      const auto& [from, edge] = list_[static_cast<size_t>(i)];
      int32_t needed = height[static_cast<size_t>(edge.target)];
      if (edge.kind == Edge::Kind::kCall) {
        const int32_t called = height[static_cast<size_t>(made_.start(edge.rule))];
        if (called == kNever || needed == kNever) continue;
        needed = std::max(needed, called + 1);
      }
      reach(from, needed);
    }
  }
  return height;
}

/// The rules that `rule` can call before it has read a byte.
///
/// seen  [nodes], the last rule that reached each
std::vector<int32_t> AutomatonAnalysis::left_calls(int32_t rule, std::vector<int32_t>& seen) const {
  std::vector<int32_t> called;
  std::vector<int32_t> open{made_.start(rule)};
  while (!open.empty()) {
    const int32_t node = open.back();
    open.pop_back();
    if (std::exchange(seen[static_cast<size_t>(node)], rule) == rule) continue;
    for (const Edge& edge : made_.edges(node)) {
      if (edge.kind == Edge::Kind::kEmpty) open.push_back(edge.target);
      if (edge.kind == Edge::Kind::kCall) called.push_back(edge.rule);
    }
  }
  return called;
}

int32_t AutomatonAnalysis::rank_rules() {
  const auto rules = static_cast<size_t>(made_.rules());
  std::vector<int32_t> seen(made_.rule_of_.size(), -1);
  std::vector<std::vector<int32_t>> calls(rules);
  std::vector<int32_t> callers(rules);
  for (size_t rule = 0; rule < rules; ++rule) {
    calls[rule] = left_calls(static_cast<int32_t>(rule), seen);
    for (const int32_t called : calls[rule]) ++callers[static_cast<size_t>(called)];
  }
  // Kahn's algorithm: a rule is ready when all that call it have a rank.
  made_.ranks_.assign(rules, -1);
  std::vector<int32_t> ready;
  for (size_t rule = 0; rule < rules; ++rule) {
    if (callers[rule] == 0) ready.push_back(static_cast<int32_t>(rule));
  }
  for (size_t next = 0; next < ready.size(); ++next) {
    const auto rule = static_cast<size_t>(ready[next]);
    made_.ranks_[rule] = static_cast<int32_t>(next);
    for (const int32_t called : calls[rule]) {
      if (--callers[static_cast<size_t>(called)] == 0) ready.push_back(called);
    }
  }
  if (ready.size() == rules) return -1;
  // Rules without a rank are on a cycle or called from one. Backwards, there is always one more.
  std::vector<int32_t> caller(rules, -1);
  int32_t rule = -1;
  for (size_t r = 0; r < rules; ++r) {
    if (made_.ranks_[r] >= 0) continue;
    rule = static_cast<int32_t>(r);
    for (const int32_t called : calls[r]) caller[static_cast<size_t>(called)] = rule;
  }
  for (size_t step = 0; step < rules; ++step) rule = caller[static_cast<size_t>(rule)];
  int32_t first = rule;
  for (int32_t r = caller[static_cast<size_t>(rule)]; r != rule; r = caller[static_cast<size_t>(r)])
    first = std::min(first, r);
  return first;
}

void AutomatonAnalysis::drop_dead_edges() {
  std::erase_if(list_, [&](const Added& added) {
    const Edge& edge = added.edge;
    return made_.height(edge.target) == kNever ||
           (edge.kind == Edge::Kind::kCall && made_.height(made_.start(edge.rule)) == kNever);
  });
  sort_edges();
  made_.callers_.resize(static_cast<size_t>(made_.rules()));
  for (const auto& [from, edge] : list_) {
    if (edge.kind != Edge::Kind::kCall) continue;
    made_.callers_[static_cast<size_t>(edge.rule)].push_back({edge.target, made_.rule_of(from)});
  }
}

void AutomatonAnalysis::find_tails() {
  made_.tails_.assign(made_.rule_of_.size(), 0);
  std::vector<std::vector<int32_t>> before(made_.rule_of_.size());
  std::vector<int32_t> open;
  for (int32_t node = 0; node < made_.nodes(); ++node) {
    const auto edges = made_.edges(node);
    if (made_.accepts(node) && edges.empty()) open.push_back(node);
    if (!made_.accepts(node) && edges.size() == 1 && edges[0].kind == Edge::Kind::kEmpty) {
      before[static_cast<size_t>(edges[0].target)].push_back(node);
    }
  }
  while (!open.empty()) {
    const auto node = static_cast<size_t>(open.back());
    open.pop_back();
    if (std::exchange(made_.tails_[node], uint8_t{1}) != 0) continue;
    open.insert(open.end(), before[node].begin(), before[node].end());
  }
}

void AutomatonAnalysis::find_classes() {
  std::array<bool, 257> begins = {};
  for (const Edge& edge : made_.edges_) {
    if (edge.kind != Edge::Kind::kBytes) continue;
    begins[edge.first] = true;
    begins[static_cast<size_t>(edge.last) + 1] = true;
  }
  int32_t last = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && begins[byte]) ++last;
    made_.class_of_[byte] = static_cast<uint8_t>(last);
  }
  made_.byte_classes_ = last + 1;
}

Result<Automaton> AutomatonBuilder::build() const {
  if (full_) return resource_exhausted("the grammar is too large");
  AutomatonAnalysis analysis(*this);
  const int32_t looping = analysis.rank_rules();
  if (looping >= 0) {
    return invalid_argument("rule " + base::in_quotes(rules_[static_cast<size_t>(looping)].name) +
                            " begins with itself (left recursion)");
  }
  return analysis.finish();
}

int32_t AutomatonBuilder::left_recursive_rule() const {
  return full_ ? -1 : AutomatonAnalysis(*this).rank_rules();
}

}  // namespace lanewise::grammar
