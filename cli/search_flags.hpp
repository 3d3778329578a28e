#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "lanewise/generation.hpp"

namespace lanewise::cli {

/// The flags that determine how the next tokens are chosen. The model provides the defaults.
class SearchFlags {
 public:
  void add_to(CLI::App& command);

  /// Throws wrong usage for mutually exclusive flags.
  void check_usage() const;

  /// `model` with its values replaced by the flags. Throws wrong usage for flags such as --top-k
  /// without sampling.
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
