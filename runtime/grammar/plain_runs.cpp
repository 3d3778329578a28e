#include "runtime/grammar/plain_runs.hpp"

#include <algorithm>
#include <set>

namespace lanewise::grammar {
namespace {

struct Range {
  int first;
  int last;
};

/// The byte sequences of well-formed UTF-8 (Unicode, table 3-7).
const std::vector<std::vector<Range>>& utf8_sequences() {
  constexpr Range kAny{0x80, 0xBF};
  static const std::vector<std::vector<Range>> sequences = {
      {{0x20, 0x7F}},
      {{0xC2, 0xDF}, kAny},
      {{0xE0, 0xE0}, {0xA0, 0xBF}, kAny},
      {{0xE1, 0xEC}, kAny, kAny},
      {{0xED, 0xED}, {0x80, 0x9F}, kAny},
      {{0xEE, 0xEF}, kAny, kAny},
      {{0xF0, 0xF0}, {0x90, 0xBF}, kAny, kAny},
      {{0xF1, 0xF3}, kAny, kAny, kAny},
      {{0xF4, 0xF4}, {0x80, 0x8F}, kAny, kAny},
  };
  return sequences;
}

/// One byte of each class in a range.
std::vector<uint8_t> one_of_each(const Automaton& automaton, const Range& range) {
  std::vector<uint8_t> bytes;
  std::set<int32_t> classes;
  for (int byte = range.first; byte <= range.last; ++byte) {
    if (byte < 0x80 && !is_plain(static_cast<char32_t>(byte))) continue;
    if (classes.insert(automaton.class_of(static_cast<uint8_t>(byte))).second) {
      bytes.push_back(static_cast<uint8_t>(byte));
    }
  }
  return bytes;
}

}  // namespace

PlainRuns::PlainRuns(Machine& machine, const Automaton& automaton) : machine_(machine) {
  for (const std::vector<Range>& ranges : utf8_sequences()) {
    sequences_.emplace_back();
    for (const Range& range : ranges) sequences_.back().push_back(one_of_each(automaton, range));
  }
}

size_t PlainRuns::after(int32_t state) {
  std::set<int32_t> seen{state};
  States last{state};
  for (size_t run = 0; run < kLongest; ++run) {
    States fresh;
    for (const int32_t from : last) {
      const std::optional<States>& to = next(from);
      if (!to) return run;
      for (const int32_t reached : *to) {
        if (seen.insert(reached).second) fresh.push_back(reached);
      }
    }
    if (fresh.empty()) break;  // the same states for ever
    last = std::move(fresh);
  }
  return kLongest;
}

const std::optional<PlainRuns::States>& PlainRuns::next(int32_t state) {
  const auto known = next_.find(state);
  if (known != next_.end()) return known->second;
  return next_.emplace(state, follow(state)).first->second;
}

std::optional<PlainRuns::States> PlainRuns::follow(int32_t state) {
  States reached;
  for (const auto& sequence : sequences_) {
    States states{state};
    for (const std::vector<uint8_t>& bytes : sequence) {
      States to;
      if (!step(states, bytes, to)) return std::nullopt;
      states = std::move(to);
    }
    reached.insert(reached.end(), states.begin(), states.end());
  }
  std::sort(reached.begin(), reached.end());
  reached.erase(std::unique(reached.begin(), reached.end()), reached.end());
  return reached;
}

/// Adds the states behind each of `bytes`; false if one is dead.
bool PlainRuns::step(const States& states, const std::vector<uint8_t>& bytes, States& to) {
  for (const int32_t state : states) {
    for (const uint8_t byte : bytes) {
      const int32_t next = machine_.step(state, byte);
      if (next < 0) return false;
      if (std::find(to.begin(), to.end(), next) == to.end()) to.push_back(next);
    }
  }
  return true;
}

}  // namespace lanewise::grammar
