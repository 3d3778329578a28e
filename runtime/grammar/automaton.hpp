#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/grammar/code_point_set.hpp"

namespace lanewise::grammar {

/// An edge of an automaton.
struct Edge {
  enum class Kind : uint8_t {
    kBytes,  ///< reads a byte from `first` to `last`
    kEmpty,  ///< reads nothing
    kCall,   ///< reads a text of `rule`
  };
  Kind kind = Kind::kEmpty;
  uint8_t first = 0;
  uint8_t last = 0;
  int32_t target = 0;
  int32_t rule = 0;
};

/// Where a rule is called from: it continues at `target`, a node of rule `rule`.
struct CallSite {
  int32_t target;
  int32_t rule;
};

/// A pushdown automaton over bytes: for each rule a graph whose edges read bytes or call rules. It
/// is not deterministic. Rule 0 is the root. Immutable and thread-safe.
///
/// Every path can be completed: edges that lead nowhere are left out. No rule calls itself before
/// it has read a byte.
class Automaton {
 public:
  int32_t nodes() const noexcept { return static_cast<int32_t>(rule_of_.size()); }
  int32_t rules() const noexcept { return static_cast<int32_t>(starts_.size()); }
  int32_t start(int32_t rule) const noexcept { return starts_[index(rule)]; }
  int32_t rule_of(int32_t node) const noexcept { return rule_of_[index(node)]; }

  /// Those that read bytes come first.
  std::span<const Edge> edges(int32_t node) const noexcept {
    return {edges_.data() + offsets_[index(node)], edges_.data() + offsets_[index(node) + 1]};
  }
  /// Whether the text of the node's rule may end here.
  bool accepts(int32_t node) const noexcept { return accepts_[index(node)] != 0; }
  /// Whether the text of the node's rule must end here: a call that returns here need not return.
  bool is_tail(int32_t node) const noexcept { return tails_[index(node)] != 0; }
  /// How deep calls must nest, at least, to complete the rule from here.
  int32_t height(int32_t node) const noexcept { return heights_[index(node)]; }
  /// A rule comes before all those that it calls before it has read a byte.
  int32_t rank(int32_t rule) const noexcept { return ranks_[index(rule)]; }
  std::span<const CallSite> callers(int32_t rule) const noexcept { return callers_[index(rule)]; }

  /// Bytes that no edge distinguishes are in one class.
  int32_t byte_classes() const noexcept { return byte_classes_; }
  int32_t class_of(uint8_t byte) const noexcept { return class_of_[byte]; }

 private:
  friend class AutomatonAnalysis;
  static size_t index(int32_t i) noexcept { return static_cast<size_t>(i); }

  std::vector<int32_t> starts_;    // [rules]
  std::vector<int32_t> rule_of_;   // [nodes]
  std::vector<uint32_t> offsets_;  // [nodes + 1] into edges_
  std::vector<Edge> edges_;
  std::vector<uint8_t> accepts_;  // [nodes]
  std::vector<uint8_t> tails_;    // [nodes]
  std::vector<int32_t> heights_;  // [nodes]
  std::vector<int32_t> ranks_;    // [rules]
  std::vector<std::vector<CallSite>> callers_;
  std::array<uint8_t, 256> class_of_ = {};
  int32_t byte_classes_ = 1;
};

/// Builds an automaton. Nodes belong to the rule that was begun last.
///
/// Functions that take a node `from` return the node behind what they add. They stop adding when
/// the automaton is too large, which build() reports; loops should ask full().
class AutomatonBuilder {
 public:
  /// A rule without content, which may be called already. `name` appears in messages.
  int32_t add_rule(std::string name);
  int32_t rules() const noexcept { return static_cast<int32_t>(rules_.size()); }
  /// Continues the content of `rule`: nodes are added to it from now on. Returns the rule before.
  int32_t begin(int32_t rule) noexcept { return std::exchange(rule_, rule); }
  int32_t start(int32_t rule) const noexcept { return rules_[static_cast<size_t>(rule)].start; }
  int32_t end(int32_t rule) const noexcept { return rules_[static_cast<size_t>(rule)].end; }

  int32_t add_node();
  void add_empty(int32_t from, int32_t to) { add({Edge::Kind::kEmpty, 0, 0, to, 0}, from); }
  void add_bytes(int32_t from, uint8_t first, uint8_t last, int32_t to) {
    add({Edge::Kind::kBytes, first, last, to, 0}, from);
  }

  int32_t byte(int32_t from, char byte);
  int32_t text(int32_t from, std::string_view text);
  int32_t call(int32_t from, int32_t rule);
  /// One code point of `set` in UTF-8.
  int32_t character(int32_t from, const CodePointSet& set);
  void add_character(int32_t from, const CodePointSet& set, int32_t to);

  bool full() const noexcept { return full_; }

  /// The automaton of all rules.
  ///
  /// Fails with kResourceExhausted if it is too large; with kInvalidArgument if no text matches, or
  /// if a rule calls itself before it has read a byte (`left recursion`).
  Result<Automaton> build() const;
  /// A rule that build() refuses for left recursion, or -1.
  int32_t left_recursive_rule() const;

 private:
  friend class AutomatonAnalysis;
  struct Rule {
    std::string name;
    int32_t start;
    int32_t end;
  };
  struct Added {
    int32_t from;
    Edge edge;
  };

  void add(const Edge& edge, int32_t from);

  std::vector<Rule> rules_;
  std::vector<int32_t> rule_of_;
  std::vector<Added> edges_;
  int32_t rule_ = 0;
  bool full_ = false;
};

}  // namespace lanewise::grammar
