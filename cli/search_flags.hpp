#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "lanewise/generation.hpp"

namespace lanewise::cli {

/// The flags that say how the next tokens are chosen. What is not given stays as the model says.
class SearchFlags {
 public:
  void add_to(CLI::App& command);

  /// Throws wrong usage for flags that exclude each other.
  void check_usage() const;

  /// `model` with the flags in place of its own values. Throws wrong usage for --top-k and its like
  /// where nothing is sampled.
  GenerationOptions over(GenerationOptions model) const;

 private:
  std::vector<std::string_view> replaced() const;
  bool sampling_detail() const { return top_k_ || top_p_ || seed_; }

  std::optional<int64_t> max_new_tokens_;
  std::optional<int64_t> min_new_tokens_;
  std::optional<int> beams_;
  std::optional<int> hypotheses_;
  std::optional<double> temperature_;
  std::optional<int> top_k_;
  std::optional<double> top_p_;
  std::optional<uint64_t> seed_;
};

}  // namespace lanewise::cli
