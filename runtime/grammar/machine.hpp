#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/grammar/automaton.hpp"
#include "runtime/grammar/sequences.hpp"

namespace lanewise::grammar {

/// Runs an automaton: a deterministic machine whose states and transitions are made when they are
/// first needed, and kept.
///
/// A frame is what happens when a rule ends: a set of links, each a node to continue at and the
/// frame of that node's rule. Calls of a rule from several places at one position of the text share
/// a frame, so that ambiguous grammars have few (a graph-structured stack, Tomita 1987). Equal
/// frames are one, so that a state is a few integers.
///
/// Not thread-safe. An exception in a call leaves all existing states valid, but nothing else: copy
/// the states to another machine.
class Machine {
 public:
  static constexpr int32_t kDead = -1;      ///< the text cannot continue
  static constexpr int32_t kTooLarge = -2;  ///< a state has too many parts, or took too long

  /// `automaton` must outlive it.
  explicit Machine(const Automaton& automaton);

  /// The state before any text; kDead if even the shortest text nests too deeply.
  int32_t start();
  /// The state after `byte`, or kDead or kTooLarge.
  int32_t step(int32_t state, uint8_t byte) {
    const int32_t next = next_[transition(state, byte)];
    return next == kUnknown ? make_step(state, byte) : next;
  }
  /// Whether the text may end here.
  bool may_end(int32_t state) const noexcept { return states_[state][0] != 0; }
  /// Whether the text must end here.
  bool must_end(int32_t state) const noexcept { return states_[state].size() == 1; }

  /// Begins an operation, whose new states must not take too much time together.
  void begin_work() noexcept { work_ = 0; }

  /// The copy of another machine's state of the same automaton.
  int32_t import(const Machine& other, int32_t state);

  /// The nodes of a state that have a frame in common.
  struct Group {
    std::vector<int32_t> nodes;
    int32_t frame;
  };
  std::vector<Group> groups(int32_t state) const;
  /// Whether the text ends with the rules that have this frame.
  bool is_bottom(int32_t frame) const noexcept { return frame == bottom_; }
  /// Whether so many calls are open that some may be refused.
  bool is_deep(const Group& group) const noexcept;
  /// The state of these nodes if the text may end with their rules.
  int32_t alone(std::span<const int32_t> nodes);
  /// The state of these nodes if their rules may have been called from anywhere.
  int32_t anywhere(std::span<const int32_t> nodes);

  size_t bytes() const noexcept;

 private:
  static constexpr int32_t kUnknown = -3;

  struct Item {
    int32_t node;
    int32_t frame;
  };
  struct Link {
    int32_t node;  ///< or kEnd, or below that a rule: wherever it is called from
    int32_t frame;

    bool operator==(const Link&) const = default;
    bool operator<(const Link& other) const noexcept {
      return node != other.node ? node < other.node : frame < other.frame;
    }
  };
  static constexpr int32_t kEnd = -1;
  static Link anywhere_link(int32_t rule) noexcept { return {-2 - rule, 0}; }

  size_t transition(int32_t state, uint8_t byte) const noexcept {
    return static_cast<size_t>(state) * classes_ + static_cast<size_t>(automaton_.class_of(byte));
  }
  int32_t make_step(int32_t state, uint8_t byte);
  int32_t close();
  void visit(Item item, bool at_start);
  void return_from(int32_t frame);
  void call(const Edge& edge, int32_t frame);
  void add_link(int32_t rule, Link link);
  void enter_called_rules();
  bool see(Item item);
  int32_t intern_frame(std::span<const Link> links);
  int32_t intern_state(std::vector<Item>& items, bool may_end);
  std::span<const Link> links(int32_t frame) const noexcept;

  const Automaton& automaton_;
  const size_t classes_;
  Sequences frames_;            // links, two numbers each
  std::vector<int32_t> depth_;  // [frames], of the shallowest link
  Sequences states_;            // whether the text may end; then items, two numbers each, sorted
  std::vector<int32_t> next_;   // [states][classes]
  int32_t bottom_ = 0;
  size_t work_ = 0;

  // For a step.
  std::vector<Item> open_;
  std::vector<Item> items_;
  bool may_end_ = false;
  bool at_start_ = false;
  std::vector<std::vector<Link>> called_;  // [rules]
  std::vector<int32_t> ranks_;             // a heap of the ranks of called rules, lowest first
  std::vector<int32_t> rule_of_rank_;
  std::vector<uint64_t> seen_;  // open addressing, with the epoch of each
  std::vector<uint32_t> seen_epoch_;
  uint32_t epoch_ = 0;
  size_t seen_count_ = 0;
  std::vector<int32_t> sequence_;
  std::vector<Link> link_list_;
};

}  // namespace lanewise::grammar
