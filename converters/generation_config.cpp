#include "converters/generation_config.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>

#include "ops/status_macros.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kMaxInteger = std::numeric_limits<int32_t>::max();
constexpr double kMaxNumber = std::numeric_limits<double>::max();

// Read below.
constexpr std::array kRead = std::to_array<std::string_view>({"bad_words_ids",
                                                              "begin_suppress_tokens",
                                                              "bos_token_id",
                                                              "decoder_start_token_id",
                                                              "do_sample",
                                                              "early_stopping",
                                                              "eos_token_id",
                                                              "forced_bos_token_id",
                                                              "forced_eos_token_id",
                                                              "length_penalty",
                                                              "max_length",
                                                              "max_new_tokens",
                                                              "min_length",
                                                              "min_new_tokens",
                                                              "no_repeat_ngram_size",
                                                              "num_beams",
                                                              "num_return_sequences",
                                                              "pad_token_id",
                                                              "repetition_penalty",
                                                              "suppress_tokens",
                                                              "temperature",
                                                              "top_k",
                                                              "top_p"});

// About caches, speed, what is returned beside the tokens, and where the file is from. Assistants
// and speculation propose tokens that are then checked: the result is the same without.
constexpr std::array kIgnored = std::to_array<std::string_view>({"_commit_hash",
                                                                 "_from_model_config",
                                                                 "assistant_confidence_threshold",
                                                                 "assistant_early_exit",
                                                                 "assistant_ensemble_weight",
                                                                 "assistant_lookbehind",
                                                                 "cache_config",
                                                                 "cache_implementation",
                                                                 "compile_config",
                                                                 "continuous_batching_config",
                                                                 "disable_compile",
                                                                 "is_assistant",
                                                                 "low_memory",
                                                                 "max_cache_len",
                                                                 "max_matching_ngram_size",
                                                                 "num_assistant_tokens",
                                                                 "num_assistant_tokens_schedule",
                                                                 "output_attentions",
                                                                 "output_hidden_states",
                                                                 "output_logits",
                                                                 "output_scores",
                                                                 "prefill_chunk_size",
                                                                 "prompt_lookup_num_tokens",
                                                                 "remove_invalid_values",
                                                                 "return_dict_in_generate",
                                                                 "speculation_type",
                                                                 "target_lookbehind",
                                                                 "transformers_version",
                                                                 "use_cache",
                                                                 "use_mtp"});

/// A number that changes nothing if it has one value.
struct NeutralNumber {
  std::string_view name;
  double neutral;
};
constexpr std::array kNeutral = std::to_array<NeutralNumber>({{"diversity_penalty", 0.0},
                                                              {"encoder_no_repeat_ngram_size", 0.0},
                                                              {"encoder_repetition_penalty", 1.0},
                                                              {"guidance_scale", 1.0},
                                                              {"num_beam_groups", 1.0},
                                                              {"penalty_alpha", 0.0}});
// They are looked at where do_sample is true.
constexpr std::array kNeutralInSampling = std::to_array<NeutralNumber>(
    {{"epsilon_cutoff", 0.0}, {"eta_cutoff", 0.0}, {"min_p", 0.0}, {"typical_p", 1.0}});
constexpr std::array kNeutralIfFalse =
    std::to_array<std::string_view>({"renormalize_logits", "token_healing"});
constexpr std::array kNeutralIfAbsent = std::to_array<std::string_view>(
    {"constraints", "dola_layers", "exponential_decay_length_penalty", "force_words_ids",
     "forced_decoder_ids", "max_time", "sequence_bias", "stop_strings", "top_h",
     "watermarking_config"});

Status not_supported(const Config& config, std::string_view field) {
  return unsupported(config.label() + ": '" + std::string(field) + "' is not supported");
}

Status check_neutral(const Config& config, const NeutralNumber& field) {
  LW_ASSIGN_OR_RETURN(const double value, config.number(std::string(field.name), field.neutral,
                                                        -kMaxNumber, kMaxNumber));
  return value == field.neutral ? Status() : not_supported(config, field.name);
}

Status refuse_unsupported(const Config& config, bool samples) {
  for (const NeutralNumber& field : kNeutral) LW_RETURN_IF_ERROR(check_neutral(config, field));
  for (const NeutralNumber& field : kNeutralInSampling) {
    if (samples) LW_RETURN_IF_ERROR(check_neutral(config, field));
  }
  for (const std::string_view field : kNeutralIfFalse) {
    LW_ASSIGN_OR_RETURN(const bool on, config.boolean(std::string(field), false));
    if (on) return not_supported(config, field);
  }
  for (const std::string_view field : kNeutralIfAbsent) {
    if (config.has(std::string(field))) return not_supported(config, field);
  }
  return {};
}

std::string_view name_of(std::string_view name) { return name; }
std::string_view name_of(const NeutralNumber& field) { return field.name; }

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& element) { return name_of(element) == name; });
}

void report_unknown(const Config& config, const Report& report) {
  for (const std::string& name : config.fields()) {
    if (is_generation_field(name)) continue;
    report(config.label() + ": unknown field '" + name + "' is ignored");
  }
}

Result<EarlyStopping> read_early_stopping(const Config& config) {
  const std::string field = "early_stopping";
  if (const Result<bool> on = config.boolean(field, false); on.ok()) {
    return *on ? EarlyStopping::kYes : EarlyStopping::kNo;
  }
  const Result<std::string> text = config.text(field, "");
  if (text.ok() && *text == "never") return EarlyStopping::kNever;
  return config.wrong(field, "true, false or \"never\"");
}

/// The fields that are read, with the size of the vocabulary as the limit of ids.
class Reader {
 public:
  Reader(const Config& config, int64_t vocabulary_size)
      : config_(config),
        last_id_(static_cast<int32_t>(std::min(vocabulary_size - 1, kMaxInteger))) {}

  Status read_search(GenerationOptions& options, bool samples) const {
    LW_ASSIGN_OR_RETURN(options.beams, integer("num_beams", 1, 1, kMaxBeams));
    LW_ASSIGN_OR_RETURN(options.num_return_sequences,
                        integer("num_return_sequences", 1, 1, kMaxSamples));
    LW_ASSIGN_OR_RETURN(options.length_penalty, config_.number("length_penalty", 1.0, -10.0, 10.0));
    LW_ASSIGN_OR_RETURN(options.early_stopping, read_early_stopping(config_));
    if (!samples) return {};
    if (options.beams > 1)
      return unsupported(config_.label() +
                         ": 'do_sample' with 'num_beams' above 1 is not supported");
    LW_ASSIGN_OR_RETURN(options.temperature, config_.number("temperature", 1.0, 1e-6, 1e6));
    LW_ASSIGN_OR_RETURN(options.top_k, integer("top_k", 50, 0, kMaxInteger));
    LW_ASSIGN_OR_RETURN(options.top_p, config_.number("top_p", 1.0, 1e-6, 1.0));
    return {};
  }

  Status read_lengths(GenerationOptions& options) const {
    LW_ASSIGN_OR_RETURN(options.max_new_tokens, integer("max_new_tokens", 0, 1, kMaxInteger));
    LW_ASSIGN_OR_RETURN(options.max_length, integer("max_length", 0, 1, kMaxInteger));
    LW_ASSIGN_OR_RETURN(options.min_new_tokens, integer("min_new_tokens", 0, 0, kMaxInteger));
    LW_ASSIGN_OR_RETURN(options.min_length, integer("min_length", 0, 0, kMaxInteger));
    return {};
  }

  Status read_processors(GenerationOptions& options) const {
    LW_ASSIGN_OR_RETURN(options.repetition_penalty,
                        config_.number("repetition_penalty", 1.0, 0.001, 1000.0));
    LW_ASSIGN_OR_RETURN(options.no_repeat_ngram_size,
                        integer("no_repeat_ngram_size", 0, 0, kMaxInteger));
    LW_ASSIGN_OR_RETURN(options.suppress_tokens, ids("suppress_tokens"));
    LW_ASSIGN_OR_RETURN(options.begin_suppress_tokens, ids("begin_suppress_tokens"));
    LW_ASSIGN_OR_RETURN(options.bad_words_ids, config_.integer_lists("bad_words_ids", 0, last_id_));
    return {};
  }

  Status read_special_tokens(GenerationOptions& options) const {
    LW_ASSIGN_OR_RETURN(options.eos_token_ids, ids("eos_token_id"));
    LW_ASSIGN_OR_RETURN(options.forced_eos_token_id, ids("forced_eos_token_id"));
    LW_ASSIGN_OR_RETURN(options.forced_bos_token_id, id("forced_bos_token_id"));
    LW_ASSIGN_OR_RETURN(options.decoder_start_token_id, id("decoder_start_token_id"));
    LW_ASSIGN_OR_RETURN(options.bos_token_id, id("bos_token_id"));
    // Nothing is padded here, and some models name an id that they have no row for.
    LW_ASSIGN_OR_RETURN(const int pad, integer("pad_token_id", kNoToken, kNoToken, kMaxInteger));
    options.pad_token_id = pad <= last_id_ ? pad : kNoToken;
    return {};
  }

 private:
  Result<int> integer(const char* field, int64_t fallback, int64_t min, int64_t max) const {
    LW_ASSIGN_OR_RETURN(const int64_t value, config_.integer(field, fallback, min, max));
    return static_cast<int>(value);
  }
  Result<int32_t> id(const char* field) const { return integer(field, kNoToken, 0, last_id_); }
  Result<std::vector<int32_t>> ids(const char* field) const {
    return config_.integers(field, 0, last_id_);
  }

  const Config& config_;
  int32_t last_id_;
};

}  // namespace

bool is_generation_field(std::string_view name) {
  return contains(kRead, name) || contains(kIgnored, name) || contains(kNeutral, name) ||
         contains(kNeutralInSampling, name) || contains(kNeutralIfFalse, name) ||
         contains(kNeutralIfAbsent, name);
}

Result<GenerationOptions> read_generation_config(const Config& config, int64_t vocabulary_size,
                                                 const Report& report) {
  LW_ASSIGN_OR_RETURN(const bool samples, config.boolean("do_sample", false));
  LW_RETURN_IF_ERROR(refuse_unsupported(config, samples));
  const Reader reader(config, vocabulary_size);
  GenerationOptions options;
  LW_RETURN_IF_ERROR(reader.read_search(options, samples));
  LW_RETURN_IF_ERROR(reader.read_lengths(options));
  LW_RETURN_IF_ERROR(reader.read_processors(options));
  LW_RETURN_IF_ERROR(reader.read_special_tokens(options));
  const Status valid = validate(options, vocabulary_size);
  if (!valid.ok()) return valid.with_context(config.label());
  report_unknown(config, report);
  return options;
}

}  // namespace lanewise::converters
