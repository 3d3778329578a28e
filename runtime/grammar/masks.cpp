#include "runtime/grammar/masks.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace lanewise::grammar {

const Mask* Masks::allowed(int32_t state, bool at_start) {
  auto& masks = at_start ? first_masks_ : masks_;
  if (const auto found = masks.find(state); found != masks.end()) return &found->second;
  machine_.begin_work();
  if (at_start) {
    const Mask* within = allowed(state, false);
    if (within == nullptr) return nullptr;
    Mask mask = *within;
    return change_first(state, mask) ? keep(masks, state, std::move(mask)) : nullptr;
  }
  Mask mask = empty_mask();
  std::vector<int32_t> uncertain;
  for (const Machine::Group& group : machine_.groups(state)) {
    if (machine_.is_deep(group)) {
      // Some calls may be refused here: every token is tried.
      uncertain.assign(vocabulary_.ids().begin(), vocabulary_.ids().end());
      break;
    }
    const Fates& fates = fates_of(group);
    for (size_t i = 0; i < mask.size(); ++i) mask[i] |= fates.allowed[i];
    uncertain.insert(uncertain.end(), fates.uncertain.begin(), fates.uncertain.end());
  }
  if (!add_uncertain(state, uncertain, mask)) return nullptr;
  return keep(masks, state, std::move(mask));
}

const Mask* Masks::keep(std::unordered_map<int32_t, Mask>& masks, int32_t state, Mask mask) {
  bytes_ += mask.size() * sizeof(uint64_t);
  return &masks.emplace(state, std::move(mask)).first->second;
}

const Masks::Fates& Masks::fates_of(const Machine::Group& group) {
  // At the bottom nothing is behind the rule: all fates are certain.
  const bool bottom = machine_.is_bottom(group.frame);
  auto key = std::pair(group.nodes, bottom);
  if (const auto found = fates_.find(key); found != fates_.end()) return *found->second;
  auto fates = std::make_unique<Fates>();
  fates->allowed = empty_mask();
  const int32_t alone = machine_.alone(group.nodes);
  walk(alone, bottom ? Machine::kDead : machine_.anywhere(group.nodes), *fates);
  bytes_ += fates->allowed.size() * sizeof(uint64_t) + fates->uncertain.size() * sizeof(int32_t);
  return *fates_.emplace(std::move(key), std::move(fates)).first->second;
}

/// Walks the trie of all tokens. Most of it is left out: where a state allows few bytes, what is
/// below a dead one; within a string, the tokens of plain characters.
///
/// state     if the text may end with the rule: whatever it accepts is allowed
/// anywhere  if the rule may have been called from anywhere: whatever it rejects is not
void Masks::walk(int32_t state, int32_t anywhere, Fates& fates) {
  const std::span<const Vocabulary::Node> nodes = vocabulary_.nodes();
  const std::span<const int32_t> ids = vocabulary_.ids();
  std::vector<int32_t> states(vocabulary_.longest() + 1, Machine::kDead);
  std::vector<int32_t> others(states.size(), Machine::kDead);
  std::vector<uint8_t> path(states.size());
  states[0] = state;
  others[0] = anywhere;
  const size_t plain = plain_runs_.after(state);
  std::ranges::copy(vocabulary_.plain(plain), fates.allowed.begin());
  size_t others_known = 0;  // depth; they matter only where `states` are dead
  for (size_t i = 0; i < nodes.size();) {
    const Vocabulary::Node& node = nodes[i];
    if (node.plain <= plain) {
      i = node.end;
      continue;
    }
    const size_t depth = node.depth;
    path[depth] = node.byte;
    states[depth] = states[depth - 1];
    if (states[depth] >= 0) states[depth] = machine_.step(states[depth], node.byte);
    others_known = std::min(others_known, depth - 1);
    const size_t tokens = i == 0 ? 0 : nodes[i - 1].tokens_end;
    if (states[depth] >= 0) {
      for (size_t t = tokens; t < node.tokens_end; ++t) set_bit(fates.allowed, ids[t]);
      ++i;
      continue;
    }
    for (; others_known < depth; ++others_known) {
      int32_t& next = others[others_known + 1];
      next = others[others_known];
      if (next >= 0) next = machine_.step(next, path[others_known + 1]);
    }
    if (states[depth] == Machine::kDead && others[depth] == Machine::kDead) {
      i = node.end;
      continue;
    }
    fates.uncertain.insert(fates.uncertain.end(), ids.begin() + static_cast<std::ptrdiff_t>(tokens),
                           ids.begin() + static_cast<std::ptrdiff_t>(node.tokens_end));
    ++i;
  }
}

int32_t Masks::step_over(int32_t state, std::string_view bytes) {
  for (const char byte : bytes) {
    if (state < 0) break;
    state = machine_.step(state, static_cast<uint8_t>(byte));
  }
  return state;
}

bool Masks::add_uncertain(int32_t state, std::span<const int32_t> tokens, Mask& mask) {
  for (const int32_t token : tokens) {
    if (has_bit(mask, token)) continue;
    const int32_t next = step_over(state, vocabulary_.bytes(token));
    if (next == Machine::kTooLarge) return false;
    if (next >= 0) set_bit(mask, token);
  }
  return true;
}

bool Masks::change_first(int32_t state, Mask& mask) {
  for (const int32_t token : vocabulary_.different_first()) {
    mask[static_cast<size_t>(token) / 64] &= ~(uint64_t{1} << (token % 64));
    const std::string_view bytes = vocabulary_.first_bytes(token);
    if (bytes.empty()) continue;
    const int32_t next = step_over(state, bytes);
    if (next == Machine::kTooLarge) return false;
    if (next >= 0) set_bit(mask, token);
  }
  return true;
}

}  // namespace lanewise::grammar
