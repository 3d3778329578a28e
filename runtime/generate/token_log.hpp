#pragma once

#include <cstdint>
#include <vector>

#include "lanewise/generation.hpp"
#include "ops/sample/sample.hpp"
#include "runtime/generate/processors.hpp"

namespace lanewise::generate {

/// What Hypothesis::logprobs reports of the hypotheses of a search. If GenerationOptions do not ask
/// for it, every call does nothing and takes no memory.
///
/// The tokens that were chosen are the nodes of a tree, whose paths are the hypotheses: beams share
/// their beginnings.
class TokenLog {
 public:
  /// rows  the most rows of a step
  TokenLog(const GenerationOptions& options, ops::Isa isa, int rows, size_t vocabulary);

  /// Notes the logits of `row` before anything changes them, and the logarithm of the sum of their
  /// exponentials. Does not allocate; rows may be noted concurrently.
  void look(int row, Scores logits, float log_sum) noexcept;

  /// Between look() and end_step(): the next row continues `parent` with `token`.
  void add(int parent, int32_t token);
  void end_step() noexcept;

  /// The tokens of `row` and `last`, unless that is kNoToken. For kNoToken also before look().
  std::vector<TokenLogprob> tokens(int row, int32_t last) const;

 private:
  static constexpr int32_t kRoot = -1;

  /// A chosen token.
  struct Node {
    int32_t parent = kRoot;
    TokenLogprob token;
  };

  bool on() const noexcept { return top_ >= 0; }
  TokenLogprob chosen(int parent, int32_t token) const;

  int top_;
  ops::Sampling sampling_;
  std::vector<std::vector<float>> logits_;  // [rows][vocabulary]
  std::vector<float> log_sums_;             // [rows]
  std::vector<ops::Candidate> best_;        // [rows][top_], by logit
  std::vector<size_t> best_counts_;         // [rows]
  std::vector<Node> nodes_;
  std::vector<int32_t> ends_;  // [rows], the last node of each
  std::vector<int32_t> next_ends_;
};

}  // namespace lanewise::generate
