#include "cli/search_flags.hpp"

#include <limits>
#include <string>

#include "cli/command.hpp"

namespace lanewise::cli {
namespace {

constexpr long long kMostTokens = 1'000'000;

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
  command.add_option("--seed", seed_, "Seed for sampling; default: 0")
      ->check(whole_number(0, std::numeric_limits<long long>::max()))
      ->type_name("S")
      ->group(group);
}

void SearchFlags::check_usage() const {
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
    wrong_usage("--top-k, --top-p and --seed are for sampling: add --temperature T");
  }
  if (top_k_) options.top_k = *top_k_;
  if (top_p_) options.top_p = *top_p_;
  if (seed_) options.seed = *seed_;
  return options;
}

}  // namespace lanewise::cli
