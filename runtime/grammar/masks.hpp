#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/grammar/machine.hpp"
#include "runtime/grammar/plain_runs.hpp"
#include "runtime/grammar/vocabulary.hpp"

namespace lanewise::grammar {

/// A bit for each token: that of token i is bit i % 64 of word i / 64.
using Mask = std::vector<uint64_t>;

inline void set_bit(Mask& mask, int32_t i) noexcept {
  mask[static_cast<size_t>(i) / 64] |= uint64_t{1} << (i % 64);
}
inline bool has_bit(std::span<const uint64_t> mask, int32_t i) noexcept {
  return (mask[static_cast<size_t>(i) / 64] >> (i % 64) & 1) != 0;
}

/// Finds the tokens that a state allows. Keeps what it has found.
///
/// What most tokens do depends only on the nodes of a state, not on its frames: they stay within
/// the rule, or leave it in a way that no caller allows. They are looked at once for each set of
/// nodes; the few others, which end the rule and go on behind it, once for each state. (As XGrammar
/// does, Dong et al. 2024, arXiv:2411.15100.)
///
/// Not thread-safe; exceptions as in Machine.
class Masks {
 public:
  /// All must outlive it.
  Masks(Machine& machine, const Automaton& automaton, const Vocabulary& vocabulary)
      : machine_(machine), vocabulary_(vocabulary), plain_runs_(machine, automaton) {}

  /// The tokens that may follow in this state; null if the grammar is too ambiguous to tell.
  ///
  /// at_start  whether the next token is the first of its text
  const Mask* allowed(int32_t state, bool at_start);

  size_t bytes() const noexcept { return bytes_; }

 private:
  /// What a set of nodes says about the tokens, whatever the frames are.
  struct Fates {
    Mask allowed;
    std::vector<int32_t> uncertain;
  };

  const Fates& fates_of(const Machine::Group& group);
  void walk(int32_t state, int32_t anywhere, Fates& fates);
  int32_t step_over(int32_t state, std::string_view bytes);
  bool add_uncertain(int32_t state, std::span<const int32_t> tokens, Mask& mask);
  bool change_first(int32_t state, Mask& mask);
  Mask empty_mask() const { return Mask((static_cast<size_t>(vocabulary_.size()) + 63) / 64); }
  const Mask* keep(std::unordered_map<int32_t, Mask>& masks, int32_t state, Mask mask);

  Machine& machine_;
  const Vocabulary& vocabulary_;
  PlainRuns plain_runs_;
  std::map<std::pair<std::vector<int32_t>, bool>, std::unique_ptr<const Fates>> fates_;
  std::unordered_map<int32_t, Mask> masks_;  // by state; a reference to one stays valid
  std::unordered_map<int32_t, Mask> first_masks_;
  size_t bytes_ = 0;
};

}  // namespace lanewise::grammar
