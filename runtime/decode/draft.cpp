#include "runtime/decode/draft.hpp"

#include <algorithm>

namespace lanewise::decode {

Draft::Draft(std::span<const int32_t> tokens) {
  tokens_.reserve(tokens.size());
  proposed_.reserve(kLongest);
  for (const int32_t token : tokens) append(token);
}

/// Different tokens may have the same key: the proposal is then wrong, and only costs time.
uint64_t Draft::key_at(size_t end) const noexcept {
  uint64_t key = 0;
  for (size_t i = end - kKey; i < end; ++i) {
    key = key * 0x9e3779b97f4a7c15U + static_cast<uint32_t>(tokens_[i]) + 1;
  }
  return key;
}

/// The tokens before the last one are followed by it.
void Draft::append(int32_t token) {
  tokens_.push_back(token);
  const size_t last = tokens_.size() - 1;
  if (last >= kKey) followers_[key_at(last)] = last;
}

std::span<const int32_t> Draft::propose(size_t most) {
  if (tokens_.size() < kKey) return {};
  if (still_paused_ > 0) {
    --still_paused_;
    return {};
  }
  const auto found = followers_.find(key_at(tokens_.size()));
  if (found == followers_.end()) return {};
  // A text that repeats its last few tokens may go on repeating them.
  const size_t begin = found->second;
  const size_t period = tokens_.size() - begin;
  proposed_.clear();
  for (size_t i = 0; i < std::min(most, length_); ++i) {
    proposed_.push_back(tokens_[begin + i % period]);
  }
  return proposed_;
}

void Draft::learn(size_t proposed, size_t right) noexcept {
  if (proposed == 0) return;
  if (right == proposed) length_ = std::min(2 * length_, kLongest);
  if (right > 0) {
    pause_ = 0;
    return;
  }
  length_ = kShortest;
  pause_ = std::clamp(2 * pause_, 2, kLongestPause);
  still_paused_ = pause_;
}

}  // namespace lanewise::decode
