#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace lanewise::decode {

/// Guesses the next tokens of a text that repeats itself: what followed the last occurrence of its
/// last three tokens. A step that computes the guesses beside the token before them costs little
/// more than one without, because it reads the same weights; those that were right are steps saved.
///
/// Source: Saxena 2023, "Prompt Lookup Decoding"; checking several tokens at once: Leviathan et al.
/// 2023, arXiv:2211.17192.
class Draft {
 public:
  /// Drafts are computed while so few sequences share a step that reading the weights dominates it.
  static constexpr int64_t kMostSequences = 4;
  static constexpr size_t kLongest = 16;

  explicit Draft(std::span<const int32_t> tokens);

  /// The text has gone on with `token`.
  void append(int32_t token);
  /// Up to `most` tokens that may follow; often none. Valid until the next call.
  std::span<const int32_t> propose(size_t most);
  /// How many of the last proposal were right. Proposals become longer after right ones, and rarer
  /// after wrong ones.
  void learn(size_t proposed, size_t right) noexcept;

 private:
  static constexpr size_t kKey = 3;       // tokens that must be equal
  static constexpr size_t kShortest = 4;  // tokens of the first proposal
  static constexpr int kLongestPause = 64;

  uint64_t key_at(size_t end) const noexcept;

  std::vector<int32_t> tokens_;
  std::vector<int32_t> proposed_;
  std::unordered_map<uint64_t, size_t> followers_;  // of three tokens: where what follows begins
  size_t length_ = kShortest;
  int pause_ = 0;  // after wrong proposals
  int still_paused_ = 0;
};

}  // namespace lanewise::decode
