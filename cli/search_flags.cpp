#include "cli/search_flags.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "cli/brackets.hpp"
#include "cli/command.hpp"

namespace lanewise::cli {
namespace {

constexpr long long kMostTokens = 1'000'000;

/// ID=X. Throws wrong usage for anything else.
LogitBias bias_of(const std::string& text) {
  LogitBias bias;
  const char* const end = text.data() + text.size();
  const auto [equals, no_id] = std::from_chars(text.data(), end, bias.id);
  if (no_id == std::errc() && equals != end && *equals == '=') {
    const auto [rest, no_number] = std::from_chars(equals + 1, end, bias.bias);
    if (no_number == std::errc() && rest == end && bias.id >= 0 && std::isfinite(bias.bias)) {
      return bias;
    }
  }
  wrong_usage(
      fmt::format("--logit-bias: expected ID=X, a token's number and a finite number, got "
                  "'{}'",
                  without_marks(text)));
}

}  // namespace

void SearchFlags::add_to(CLI::App& command) {
  const std::string group = "Search options; defaults are those of the model's generation_config";
  command.add_option("--max-new-tokens", max_new_tokens_, "The most tokens; default: the model's")
      ->check(whole_number(1, kMostTokens))
      ->type_name("N")
      ->group(group);
  command.add_option("--min-new-tokens", min_new_tokens_, "No end token before N tokens")
      ->check(whole_number(0, kMostTokens))
      ->type_name("N")
      ->group(group);
  command.add_option("--beams", beams_, "Beam search; 1: greedy, unless --temperature is given")
      ->check(whole_number(1, kMaxBeams))
      ->type_name("N")
      ->group(group);
  command
      .add_option("--num-return-sequences", hypotheses_,
                  "Hypotheses per source: the best beams, or samples")
      ->check(whole_number(1, kMaxSamples))
      ->type_name("N")
      ->group(group);
  command
      .add_option("--temperature", temperature_,
                  "Sample from logits divided by T; 0: take the most likely token")
      ->type_name("T")
      ->group(group);
  command.add_option("--top-k", top_k_, "Sample from the K most likely tokens; 0: from all")
      ->check(whole_number(0, std::numeric_limits<int>::max()))
      ->type_name("K")
      ->group(group);
  command
      .add_option("--top-p", top_p_,
                  "Sample from the most likely tokens whose probabilities sum to P")
      ->type_name("P")
      ->group(group);
  command
      .add_option("--min-p", min_p_,
                  "Do not sample tokens less likely than P times the most likely one")
      ->type_name("P")
      ->group(group);
  command.add_option("--seed", seed_, "Seed for sampling; default: 0")
      ->check(whole_number(0, std::numeric_limits<long long>::max()))
      ->type_name("S")
      ->group(group);
  add_processors_to(command, group);
}

void SearchFlags::add_processors_to(CLI::App& command, const std::string& group) {
  command
      .add_option("--repetition-penalty", repetition_penalty_,
                  "Above 1: tokens that occur already, in the prompt too, become less likely")
      ->type_name("R")
      ->group(group);
  command
      .add_option("--frequency-penalty", frequency_penalty_,
                  "Subtracted from a logit for every time that its token was generated")
      ->type_name("F")
      ->group(group);
  command
      .add_option("--presence-penalty", presence_penalty_,
                  "Subtracted once from the logit of a token that was generated")
      ->type_name("F")
      ->group(group);
  command
      .add_option("--logit-bias", logit_bias_, "Add X to the logit of token ID; may be repeated")
      ->type_name("ID=X")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--top-logprobs", top_logprobs_,
                  "With --json: the log-probability of each new token, and those of the K most "
                  "likely ones")
      ->check(whole_number(0, kMaxTopLogprobs))
      ->type_name("K")
      ->group(group);
  command.add_option("--stop", stop_, "End the text before TEXT; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->group(group);
}

void SearchFlags::check_usage(bool json) const {
  for (const std::string& text : logit_bias_) static_cast<void>(bias_of(text));
  if (top_logprobs_ && !json) wrong_usage("--top-logprobs needs --json");
  if (beams_.value_or(1) > 1 && temperature_.value_or(0.0) > 0.0) {
    wrong_usage("--beams and --temperature exclude each other");
  }
}

/// The fields of generation_config.json that the flags replace.
std::vector<std::string_view> SearchFlags::replaced() const {
  std::vector<std::string_view> fields;
  if (max_new_tokens_) fields.push_back("max_new_tokens");
  if (min_new_tokens_) fields.push_back("min_new_tokens");
  if (beams_ || temperature_) fields.insert(fields.end(), {"do_sample", "temperature"});
  if (beams_ || temperature_.value_or(0.0) > 0.0) fields.push_back("num_beams");
  if (beams_ || temperature_ || hypotheses_) fields.push_back("num_return_sequences");
  if (top_k_) fields.push_back("top_k");
  if (top_p_) fields.push_back("top_p");
  if (min_p_) fields.push_back("min_p");
  if (repetition_penalty_) fields.push_back("repetition_penalty");
  if (!logit_bias_.empty()) fields.push_back("sequence_bias");
  if (!stop_.empty()) fields.push_back("stop_strings");
  return fields;
}

GenerationOptions SearchFlags::over(GenerationOptions model) const {
  GenerationOptions options = std::move(model);
  override_unsupported(options, replaced());
  if (max_new_tokens_) options.max_new_tokens = *max_new_tokens_;
  if (min_new_tokens_) options.min_new_tokens = *min_new_tokens_;
  if (beams_) {
    options.beams = *beams_;
    options.temperature = 0.0;  // overrides the model's do_sample
  }
  if (temperature_) {
    options.temperature = *temperature_;
    if (*temperature_ > 0.0) options.beams = 1;
  }
  if (hypotheses_) {
    options.num_return_sequences = *hypotheses_;
  } else if (beams_ || temperature_) {
    options.num_return_sequences = 1;  // the model's number applies only to its own kind of search
  }
  if (sampling_detail() && options.temperature == 0.0) {
    wrong_usage("--top-k, --top-p, --min-p and --seed are for sampling: add --temperature T");
  }
  if (top_k_) options.top_k = *top_k_;
  if (top_p_) options.top_p = *top_p_;
  if (min_p_) options.min_p = *min_p_;
  if (seed_) options.seed = *seed_;
  set_processors(options);
  return options;
}

void SearchFlags::set_processors(GenerationOptions& options) const {
  if (repetition_penalty_) options.repetition_penalty = *repetition_penalty_;
  if (frequency_penalty_) options.frequency_penalty = *frequency_penalty_;
  if (presence_penalty_) options.presence_penalty = *presence_penalty_;
  if (!logit_bias_.empty()) options.logit_bias.clear();
  for (const std::string& text : logit_bias_) options.logit_bias.push_back(bias_of(text));
  if (top_logprobs_) options.top_logprobs = *top_logprobs_;
  if (!stop_.empty()) options.stop_strings.clear();
  for (const std::string& text : stop_) options.stop_strings.push_back(without_marks(text));
}

}  // namespace lanewise::cli
