#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lanewise/generation.hpp"
#include "lanewise/model.hpp"
#include "serve/json/fields.hpp"
#include "serve/limits.hpp"

namespace lanewise::serve {

/// What a client says about how a text is continued. What it does not say is as in the checkpoint's
/// generation_config.json.
struct SearchFields {
  std::optional<int64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int64_t> top_k;
  std::optional<double> min_p;
  std::optional<int64_t> seed;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> repetition_penalty;
  std::vector<LogitBias> logit_bias;
  std::vector<std::string> stop;
  int64_t choices = 1;
  bool stream = false;
  bool stream_usage = false;               ///< the last event tells the number of tokens
  int top_logprobs = -1;                   ///< as in GenerationOptions
  std::optional<std::string> json_schema;  ///< what the text must be; empty: any JSON object
};

/// Reads the fields that /v1/completions and /v1/chat/completions share, all but logprobs.
SearchFields read_search(Fields& fields, const Limits& limits);

/// The options of the model, changed. Fails with kInvalidArgument for what excludes each other.
Result<GenerationOptions> search_options(const SearchFields& search, const ModelInfo& info);

}  // namespace lanewise::serve
