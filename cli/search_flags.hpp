#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
  ///
  /// json  whether results are objects, which --top-logprobs adds to
  void check_usage(bool json) const;

  /// `model` with its values replaced by the flags. Throws wrong usage for flags such as --top-k
  /// without sampling.
  GenerationOptions over(GenerationOptions model) const;

 private:
  std::vector<std::string_view> replaced() const;
  bool sampling_detail() const { return top_k_ || top_p_ || min_p_ || seed_; }
  void add_processors_to(CLI::App& command, const std::string& group);
  void set_processors(GenerationOptions& options) const;

  std::optional<int64_t> max_new_tokens_;
  std::optional<int64_t> min_new_tokens_;
  std::optional<int> beams_;
  std::optional<int> hypotheses_;
  std::optional<double> temperature_;
  std::optional<int> top_k_;
  std::optional<double> top_p_;
  std::optional<double> min_p_;
  std::optional<uint64_t> seed_;
  std::optional<double> repetition_penalty_;
  std::optional<double> frequency_penalty_;
  std::optional<double> presence_penalty_;
  std::vector<std::string> logit_bias_;  // ID=X
  std::vector<std::string> stop_;
  std::optional<int> top_logprobs_;
};

}  // namespace lanewise::cli
