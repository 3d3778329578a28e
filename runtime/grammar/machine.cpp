#include "runtime/grammar/machine.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace lanewise::grammar {
namespace {

// Open calls at one time. JSON that nests deeper cannot be read again by many parsers.
constexpr int32_t kMaxDepth = 256;
// Parts of one state that are looked at; a schema's choice among a thousand names has a thousand.
constexpr size_t kMaxParts = size_t{1} << 14;
// Parts that one operation looks at, together; far above the few thousand of usual grammars.
constexpr size_t kMaxWork = size_t{1} << 22;

// Entries of the table of transitions, 128 MB; the owner leaves the machine behind long before.
constexpr size_t kMaxTransitions = size_t{1} << 25;

constexpr size_t kFirstSeen = 256;

}  // namespace

Machine::Machine(const Automaton& automaton)
    : automaton_(automaton),
      classes_(static_cast<size_t>(automaton.byte_classes())),
      called_(static_cast<size_t>(automaton.rules())),
      rule_of_rank_(static_cast<size_t>(automaton.rules())),
      seen_(kFirstSeen),
      seen_epoch_(kFirstSeen) {
  for (int32_t rule = 0; rule < automaton.rules(); ++rule) {
    rule_of_rank_[static_cast<size_t>(automaton.rank(rule))] = rule;
  }
  bottom_ = intern_frame(std::vector<Link>{{kEnd, 0}});
}

int32_t Machine::start() {
  open_.push_back({automaton_.start(0), bottom_});
  return close();
}

int32_t Machine::make_step(int32_t state, uint8_t byte) {
  if (work_ > kMaxWork || next_.size() > kMaxTransitions) return kTooLarge;
  const std::span<const int32_t> items = states_[state];
  for (size_t i = 1; i < items.size(); i += 2) {
    for (const Edge& edge : automaton_.edges(items[i])) {
      if (edge.kind != Edge::Kind::kBytes) break;
      if (edge.first <= byte && byte <= edge.last) open_.push_back({edge.target, items[i + 1]});
    }
  }
  const int32_t next = close();
  // What took too long need not do so after the next begin_work().
  if (next != kTooLarge) next_[transition(state, byte)] = next;
  return next;
}

/// The state of open_ and called_, and of what can be reached from there without a byte.
int32_t Machine::close() {
  ++epoch_;
  seen_count_ = 0;
  items_.clear();
  may_end_ = false;
  at_start_ = false;
  const auto visit_open = [&] {
    while (!open_.empty() && seen_count_ <= kMaxParts) {
      const Item item = open_.back();
      open_.pop_back();
      visit(item, at_start_);
    }
  };
  visit_open();
  // A rule's frame needs all its callers, which have lower ranks.
  at_start_ = true;
  while (!ranks_.empty()) {
    enter_called_rules();
    visit_open();
  }
  open_.clear();
  work_ += seen_count_ + 1;
  if (seen_count_ > kMaxParts || work_ > kMaxWork) return kTooLarge;
  return intern_state(items_, may_end_);
}

void Machine::enter_called_rules() {
  std::pop_heap(ranks_.begin(), ranks_.end(), std::greater<>());
  const int32_t rule = rule_of_rank_[static_cast<size_t>(ranks_.back())];
  ranks_.pop_back();
  std::vector<Link>& links = called_[static_cast<size_t>(rule)];
  std::sort(links.begin(), links.end());
  links.erase(std::unique(links.begin(), links.end()), links.end());
  const int32_t frame = intern_frame(links);
  links.clear();
  open_.push_back({automaton_.start(rule), frame});
}

/// at_start  whether the item's rule has read nothing yet. If it may be empty, its callers go on
///           without it (Automaton).
void Machine::visit(Item item, bool at_start) {
  if (depth_[static_cast<size_t>(item.frame)] + automaton_.height(item.node) > kMaxDepth) return;
  if (!see(item)) return;
  const std::span<const Edge> edges = automaton_.edges(item.node);
  if (!edges.empty() && edges[0].kind == Edge::Kind::kBytes) items_.push_back(item);
  for (const Edge& edge : edges) {
    if (edge.kind == Edge::Kind::kEmpty) open_.push_back({edge.target, item.frame});
    if (edge.kind == Edge::Kind::kCall) call(edge, item.frame);
  }
  if (automaton_.accepts(item.node) && !at_start) return_from(item.frame);
}

void Machine::return_from(int32_t frame) {
  // Frames of anywhere() are made on the way.
  link_list_.assign(links(frame).begin(), links(frame).end());
  for (const Link& link : link_list_) {
    if (link.node == kEnd) {
      may_end_ = true;
    } else if (link.node >= 0) {
      open_.push_back({link.node, link.frame});
    } else {
      const int32_t rule = -2 - link.node;
      if (rule == 0) may_end_ = true;
      for (const CallSite& site : automaton_.callers(rule)) {
        const Link above = anywhere_link(site.rule);
        open_.push_back({site.target, intern_frame({&above, 1})});
      }
    }
  }
}

void Machine::call(const Edge& edge, int32_t frame) {
  if (!automaton_.is_tail(edge.target)) return add_link(edge.rule, {edge.target, frame});
  // Nothing is left to do after the return: return to the caller at once. Lists made by recursion
  // then need no frame for each element.
  for (const Link& link : links(frame)) add_link(edge.rule, link);
}

void Machine::add_link(int32_t rule, Link link) {
  std::vector<Link>& links = called_[static_cast<size_t>(rule)];
  if (links.empty()) {
    ranks_.push_back(automaton_.rank(rule));
    std::push_heap(ranks_.begin(), ranks_.end(), std::greater<>());
  }
  links.push_back(link);
}

/// Whether the item is new in this step.
bool Machine::see(Item item) {
  const auto place = [&](uint64_t key) {
    const size_t mask = seen_.size() - 1;
    size_t slot = (key * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (seen_epoch_[slot] == epoch_ && seen_[slot] != key) slot = (slot + 1) & mask;
    return slot;
  };
  const uint64_t key =
      uint64_t{static_cast<uint32_t>(item.node)} << 32 | static_cast<uint32_t>(item.frame);
  size_t slot = place(key);
  if (seen_epoch_[slot] == epoch_) return false;
  if ((seen_count_ + 1) * 2 > seen_.size()) {
    std::vector<uint64_t> keys;
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (seen_epoch_[i] == epoch_) keys.push_back(seen_[i]);
    }
    const size_t size = seen_.size() * 2;
    seen_epoch_.assign(size, epoch_ - 1);
    seen_.resize(size);
    for (const uint64_t old : keys) {
      slot = place(old);
      seen_[slot] = old;
      seen_epoch_[slot] = epoch_;
    }
    slot = place(key);
  }
  seen_[slot] = key;
  seen_epoch_[slot] = epoch_;
  ++seen_count_;
  return true;
}

std::span<const Machine::Link> Machine::links(int32_t frame) const noexcept {
  static_assert(sizeof(Link) == 2 * sizeof(int32_t));
  const std::span<const int32_t> numbers = frames_[frame];
  return {reinterpret_cast<const Link*>(numbers.data()), numbers.size() / 2};
}

int32_t Machine::intern_frame(std::span<const Link> links) {
  sequence_.clear();
  int32_t depth = std::numeric_limits<int32_t>::max();
  for (const Link& link : links) {
    sequence_.insert(sequence_.end(), {link.node, link.frame});
    depth = std::min(depth, link.node < 0 ? 0 : depth_[static_cast<size_t>(link.frame)] + 1);
  }
  const int32_t frame = frames_.intern(sequence_);
  if (static_cast<size_t>(frame) == depth_.size()) depth_.push_back(depth);
  return frame;
}

int32_t Machine::intern_state(std::vector<Item>& items, bool may_end) {
  if (items.empty() && !may_end) return kDead;
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.frame != b.frame ? a.frame < b.frame : a.node < b.node;
  });
  sequence_.assign(1, may_end ? 1 : 0);
  for (const Item& item : items) sequence_.insert(sequence_.end(), {item.node, item.frame});
  const int32_t state = states_.intern(sequence_);
  next_.resize(static_cast<size_t>(states_.size()) * classes_, kUnknown);
  return state;
}

std::vector<Machine::Group> Machine::groups(int32_t state) const {
  std::vector<Group> groups;
  const std::span<const int32_t> items = states_[state];
  for (size_t i = 1; i < items.size(); i += 2) {
    if (groups.empty() || groups.back().frame != items[i + 1]) groups.push_back({{}, items[i + 1]});
    groups.back().nodes.push_back(items[i]);
  }
  return groups;
}

bool Machine::is_deep(const Group& group) const noexcept {
  // A token opens fewer calls than the other half has room for, unless it is made of brackets.
  return depth_[static_cast<size_t>(group.frame)] > kMaxDepth / 2;
}

int32_t Machine::alone(std::span<const int32_t> nodes) {
  items_.clear();
  for (const int32_t node : nodes) items_.push_back({node, bottom_});
  return intern_state(items_, false);
}

int32_t Machine::anywhere(std::span<const int32_t> nodes) {
  items_.clear();
  for (const int32_t node : nodes) {
    const Link link = anywhere_link(automaton_.rule_of(node));
    items_.push_back({node, intern_frame({&link, 1})});
  }
  return intern_state(items_, false);
}

int32_t Machine::import(const Machine& other, int32_t state) {
  const std::span<const int32_t> theirs = other.states_[state];
  // Frames refer to those made before them.
  std::vector<int32_t> mine(static_cast<size_t>(other.frames_.size()), -1);
  std::vector<bool> needed(mine.size());
  for (size_t i = 1; i < theirs.size(); i += 2) needed[static_cast<size_t>(theirs[i + 1])] = true;
  for (size_t frame = mine.size(); frame-- > 0;) {
    if (!needed[frame]) continue;
    for (const Link& link : other.links(static_cast<int32_t>(frame))) {
      if (link.node >= 0) needed[static_cast<size_t>(link.frame)] = true;
    }
  }
  std::vector<Link> links;
  for (size_t frame = 0; frame < mine.size(); ++frame) {
    if (!needed[frame]) continue;
    links.clear();
    for (Link link : other.links(static_cast<int32_t>(frame))) {
      if (link.node >= 0) link.frame = mine[static_cast<size_t>(link.frame)];
      links.push_back(link);
    }
    std::sort(links.begin(), links.end());
    mine[frame] = intern_frame(links);
  }
  std::vector<Item> items;
  for (size_t i = 1; i < theirs.size(); i += 2) {
    items.push_back({theirs[i], mine[static_cast<size_t>(theirs[i + 1])]});
  }
  return intern_state(items, theirs[0] != 0);
}

size_t Machine::bytes() const noexcept {
  return frames_.bytes() + states_.bytes() +
         (next_.capacity() + depth_.capacity()) * sizeof(int32_t);
}

}  // namespace lanewise::grammar
