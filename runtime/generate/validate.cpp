#include "runtime/generate/validate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "lanewise/generation.hpp"
#include "runtime/generate/unsupported.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise {
namespace {

// Far above any sensible value, and low enough that products and powers stay finite.
constexpr double kMaxLengthPenalty = 10.0;
constexpr double kMaxRepetitionPenalty = 1000.0;
constexpr double kMaxAddedPenalty = 1e6;

// Not a stream, which hides that memory ran out and leaves half a message.
Status wrong(std::string_view field, std::string_view expected, std::string_view found) {
  std::string text = "option '";
  text.append(field).append("': expected ").append(expected).append(", found ").append(found);
  return invalid_argument(std::move(text));
}

Status wrong(std::string_view field, std::string_view expected, int64_t found) {
  return wrong(field, expected, std::to_string(found));
}

Status wrong(std::string_view field, std::string_view expected, double found) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%g", found);
  return wrong(field, expected, text.data());
}

Status check_range(std::string_view field, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return {};
  return wrong(field, std::to_string(min) + " to " + std::to_string(max), value);
}

Status check_at_least_0(std::string_view field, int64_t value) {
  return value >= 0 ? Status() : wrong(field, "0 or more", value);
}

Status check_ids(std::string_view field, std::span<const int32_t> ids, int64_t vocabulary_size) {
  for (const int32_t id : ids) {
    LW_RETURN_IF_ERROR(check_range(field, id, 0, vocabulary_size - 1));
  }
  return {};
}

Status check_optional_id(std::string_view field, int32_t id, int64_t vocabulary_size) {
  return id == kNoToken ? Status() : check_range(field, id, 0, vocabulary_size - 1);
}

Status check_kind(const GenerationOptions& options) {
  const bool samples = options.temperature > 0.0;
  if (samples && options.beams > 1) {
    return wrong("temperature", "0 with more than one beam", options.temperature);
  }
  return check_range("num_return_sequences", options.num_return_sequences, 1,
                     samples ? kMaxSamples : options.beams);
}

Status check_added_penalty(std::string_view field, double value) {
  if (std::abs(value) <= kMaxAddedPenalty) return {};
  return wrong(field, "-1000000 to 1000000", value);
}

Status check_bias(const std::vector<LogitBias>& biases, int64_t vocabulary) {
  std::vector<int32_t> ids;
  for (const LogitBias& one : biases) {
    ids.push_back(one.id);
    if (!(std::abs(one.bias) <= generate::kMaxLogitBias)) {
      return wrong("logit_bias", "numbers from -1e30 to 1e30", one.bias);
    }
  }
  LW_RETURN_IF_ERROR(check_ids("logit_bias", ids, vocabulary));
  std::ranges::sort(ids);
  const auto twice = std::ranges::adjacent_find(ids);
  if (twice == ids.end()) return {};
  return wrong("logit_bias", "one number for each token",
               "two for token " + std::to_string(*twice));
}

Status check_stop_strings(const std::vector<std::string>& strings) {
  for (const std::string& text : strings) {
    if (text.empty()) return wrong("stop_strings", "texts", "an empty one");
    LW_RETURN_IF_ERROR(text::check_utf8(text).with_context("option 'stop_strings'"));
  }
  return {};
}

Status check_numbers(const GenerationOptions& options) {
  LW_RETURN_IF_ERROR(check_range("beams", options.beams, 1, kMaxBeams));
  if (!(options.temperature >= 0.0 && std::isfinite(options.temperature))) {
    return wrong("temperature", "a finite number of at least 0", options.temperature);
  }
  LW_RETURN_IF_ERROR(
      check_range("num_return_sequences", options.num_return_sequences, 1, kMaxSamples));
  LW_RETURN_IF_ERROR(check_at_least_0("top_k", options.top_k));
  if (!(options.top_p > 0.0 && options.top_p <= 1.0)) {
    return wrong("top_p", "a number above 0 and at most 1", options.top_p);
  }
  if (!(options.min_p >= 0.0 && options.min_p <= 1.0)) {
    return wrong("min_p", "a number from 0 to 1", options.min_p);
  }
  if (!(std::abs(options.length_penalty) <= kMaxLengthPenalty)) {
    return wrong("length_penalty", "-10 to 10", options.length_penalty);
  }
  const double penalty = options.repetition_penalty;
  if (!(penalty >= 1.0 / kMaxRepetitionPenalty && penalty <= kMaxRepetitionPenalty)) {
    return wrong("repetition_penalty", "0.001 to 1000", penalty);
  }
  LW_RETURN_IF_ERROR(check_added_penalty("frequency_penalty", options.frequency_penalty));
  LW_RETURN_IF_ERROR(check_added_penalty("presence_penalty", options.presence_penalty));
  LW_RETURN_IF_ERROR(check_at_least_0("no_repeat_ngram_size", options.no_repeat_ngram_size));
  LW_RETURN_IF_ERROR(check_range("top_logprobs", options.top_logprobs, -1, kMaxTopLogprobs));
  if (options.early_stopping < EarlyStopping::kNo ||
      options.early_stopping > EarlyStopping::kNever) {
    return wrong("early_stopping", "0 to 2", static_cast<int64_t>(options.early_stopping));
  }
  return {};
}

Status check_each_length(const GenerationOptions& options) {
  LW_RETURN_IF_ERROR(check_at_least_0("max_new_tokens", options.max_new_tokens));
  LW_RETURN_IF_ERROR(check_at_least_0("max_length", options.max_length));
  LW_RETURN_IF_ERROR(check_at_least_0("min_new_tokens", options.min_new_tokens));
  return check_at_least_0("min_length", options.min_length);
}

Status check_lengths(const GenerationOptions& options) {
  if (options.max_new_tokens > 0 && options.min_new_tokens > options.max_new_tokens) {
    return wrong("min_new_tokens", "at most max_new_tokens", options.min_new_tokens);
  }
  const bool lengths_hold = options.max_new_tokens == 0 && options.min_new_tokens == 0;
  if (lengths_hold && options.max_length > 0 && options.min_length > options.max_length) {
    return wrong("min_length", "at most max_length", options.min_length);
  }
  return {};
}

Status check_tokens(const GenerationOptions& options, int64_t vocabulary) {
  LW_RETURN_IF_ERROR(check_bias(options.logit_bias, vocabulary));
  LW_RETURN_IF_ERROR(check_stop_strings(options.stop_strings));
  LW_RETURN_IF_ERROR(check_ids("eos_token_ids", options.eos_token_ids, vocabulary));
  LW_RETURN_IF_ERROR(check_ids("suppress_tokens", options.suppress_tokens, vocabulary));
  LW_RETURN_IF_ERROR(check_ids("begin_suppress_tokens", options.begin_suppress_tokens, vocabulary));
  LW_RETURN_IF_ERROR(check_ids("forced_eos_token_id", options.forced_eos_token_id, vocabulary));
  for (const std::vector<int32_t>& word : options.bad_words_ids) {
    if (word.empty()) return wrong("bad_words_ids", "lists of ids", "an empty list");
    LW_RETURN_IF_ERROR(check_ids("bad_words_ids", word, vocabulary));
  }
  LW_RETURN_IF_ERROR(
      check_optional_id("forced_bos_token_id", options.forced_bos_token_id, vocabulary));
  LW_RETURN_IF_ERROR(
      check_optional_id("decoder_start_token_id", options.decoder_start_token_id, vocabulary));
  LW_RETURN_IF_ERROR(check_optional_id("bos_token_id", options.bos_token_id, vocabulary));
  return check_optional_id("pad_token_id", options.pad_token_id, vocabulary);
}

}  // namespace

Status generate::check_values(const GenerationOptions& options, int64_t vocabulary_size) {
  LW_RETURN_IF_ERROR(check_numbers(options));
  LW_RETURN_IF_ERROR(check_each_length(options));
  return check_tokens(options, vocabulary_size);
}

Status validate(const GenerationOptions& options, int64_t vocabulary_size) {
  return base::no_throw([&]() -> Status {
    for (const UnsupportedOption& option : options.unsupported) {
      if (generate::is_obeyed(option, options)) return unsupported(option.reason);
    }
    LW_RETURN_IF_ERROR(generate::check_values(options, vocabulary_size));
    LW_RETURN_IF_ERROR(check_kind(options));
    return check_lengths(options);
  });
}

}  // namespace lanewise
