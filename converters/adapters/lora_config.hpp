#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "converters/config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A key of `rank_pattern` or `alpha_pattern` that names modules, with its value.
template <typename Value>
using Patterns = std::vector<std::pair<std::string, Value>>;

/// The adapter_config.json of a LoRA adapter.
struct LoraConfig {
  std::string base;  ///< base_model_name_or_path
  int64_t rank = 8;
  double alpha = 8;
  Patterns<int64_t> rank_pattern;
  Patterns<double> alpha_pattern;
  bool rslora = false;
  bool dora = false;
  bool fan_in_fan_out = false;

  int64_t rank_of(const std::string& module) const;
  /// alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (Kalajdzievski 2023,
  /// arXiv:2312.03732).
  double scale_of(const std::string& module) const;
};

/// Reads the fields of PEFT's LoraConfig, with its defaults. Those that concern training alone are
/// ignored. Fails with kUnsupported, naming it, for another kind of adapter, for a field of another
/// method of merging, and for an unknown field.
Result<LoraConfig> read_lora_config(const Config& config);

/// Whether a key of a pattern names `module`, as PEFT decides: it equals the name or follows a dot
/// in it. `^` at its beginning ties it to the beginning; a dot matches any character.
bool names_module(const std::string& key, const std::string& module);

}  // namespace lanewise::converters
