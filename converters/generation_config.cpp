#include "converters/generation_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/status_macros.hpp"
#include "runtime/generate/unsupported.hpp"
#include "runtime/generate/validate.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kMaxInteger = std::numeric_limits<int32_t>::max();
constexpr int64_t kDefaultTopK = 50;
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
                                                              "min_p",
                                                              "no_repeat_ngram_size",
                                                              "num_beams",
                                                              "num_return_sequences",
                                                              "pad_token_id",
                                                              "renormalize_logits",
                                                              "repetition_penalty",
                                                              "sequence_bias",
                                                              "stop_strings",
                                                              "suppress_tokens",
                                                              "temperature",
                                                              "top_k",
                                                              "top_p"});

// Fields about caches, speed, additional return values and provenance. Assistants and speculation
// propose tokens that are then checked, so the result is the same without. The diversity penalty
// has no effect without groups of beams, which are not supported.
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
                                                                 "diversity_penalty",
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

/// A number that has no effect at one value.
struct NeutralNumber {
  std::string_view name;
  double neutral;
};
constexpr std::array kNeutral = std::to_array<NeutralNumber>({{"encoder_no_repeat_ngram_size", 0.0},
                                                              {"encoder_repetition_penalty", 1.0},
                                                              {"guidance_scale", 1.0},
                                                              {"num_beam_groups", 1.0},
                                                              {"penalty_alpha", 0.0}});
// Used only if do_sample is true.
constexpr std::array kNeutralInSampling = std::to_array<NeutralNumber>(
    {{"epsilon_cutoff", 0.0}, {"eta_cutoff", 0.0}, {"typical_p", 1.0}});
constexpr std::array kNeutralIfFalse = std::to_array<std::string_view>({"token_healing"});
constexpr std::array kNeutralIfAbsent = std::to_array<std::string_view>(
    {"constraints", "dola_layers", "exponential_decay_length_penalty", "force_words_ids",
     "forced_decoder_ids", "max_time", "watermarking_config"});
constexpr std::array kNeutralIfAbsentInSampling = std::to_array<std::string_view>({"top_h"});

Status not_supported(const Config& config, std::string_view field) {
  return unsupported(config.label() + ": '" + std::string(field) + "' is not supported");
}

Status check_neutral(const Config& config, const NeutralNumber& field) {
  LW_ASSIGN_OR_RETURN(const double value, config.number(std::string(field.name), field.neutral,
                                                        -kMaxNumber, kMaxNumber));
  return value == field.neutral ? Status() : not_supported(config, field.name);
}

std::string_view name_of(std::string_view name) { return name; }
std::string_view name_of(const NeutralNumber& field) { return field.name; }

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& element) { return name_of(element) == name; });
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

/// Reads fields into options. Unsupported settings go into options.unsupported: they matter only
/// for generation, and only where they apply.
class Reader {
 public:
  /// Ids are below `vocabulary_size`.
  Reader(const Config& config, int64_t vocabulary_size)
      : config_(config),
        last_id_(static_cast<int32_t>(std::min(vocabulary_size - 1, kMaxInteger))) {}

  GenerationOptions read() && {
    bool samples = false;
    take("do_sample", config_.boolean("do_sample", false), samples);
    read_search(samples);
    read_lengths();
    read_processors();
    read_special_tokens();
    note_unsupported(samples);
    return std::move(options_);
  }

 private:
  void read_search(bool samples) {
    take("num_beams", integer("num_beams", 1, 1, kMaxBeams), options_.beams);
    take("num_return_sequences", integer("num_return_sequences", 1, 1, kMaxSamples),
         options_.num_return_sequences);
    take("length_penalty", config_.number("length_penalty", 1.0, -10.0, 10.0),
         options_.length_penalty);
    take("early_stopping", read_early_stopping(config_), options_.early_stopping);
    take("renormalize_logits", config_.boolean("renormalize_logits", false),
         options_.renormalize_logits);
    if (!samples) return;
    // Sampling stays on, even if the field is invalid.
    options_.temperature = 1.0;
    take("temperature", config_.number("temperature", 1.0, 1e-6, 1e6), options_.temperature);
    take("top_k", integer("top_k", kDefaultTopK, 0, kMaxInteger), options_.top_k);
    take("top_p", config_.number("top_p", 1.0, 1e-6, 1.0), options_.top_p);
    take("min_p", config_.number("min_p", 0.0, 0.0, 1.0), options_.min_p);
    if (options_.beams > 1) {
      refuse("do_sample", unsupported(config_.label() +
                                      ": 'do_sample' with 'num_beams' above 1 is not supported"));
    }
  }

  void read_lengths() {
    take("max_new_tokens", integer("max_new_tokens", 0, 1, kMaxInteger), options_.max_new_tokens);
    take("max_length", integer("max_length", 0, 1, kMaxInteger), options_.max_length);
    take("min_new_tokens", integer("min_new_tokens", 0, 0, kMaxInteger), options_.min_new_tokens);
    take("min_length", integer("min_length", 0, 0, kMaxInteger), options_.min_length);
  }

  void read_processors() {
    take("repetition_penalty", config_.number("repetition_penalty", 1.0, 0.001, 1000.0),
         options_.repetition_penalty);
    take("no_repeat_ngram_size", integer("no_repeat_ngram_size", 0, 0, kMaxInteger),
         options_.no_repeat_ngram_size);
    take("suppress_tokens", ids("suppress_tokens"), options_.suppress_tokens);
    take("begin_suppress_tokens", ids("begin_suppress_tokens"), options_.begin_suppress_tokens);
    take("bad_words_ids", bad_words(), options_.bad_words_ids);
    take("sequence_bias", bias(), options_.logit_bias);
    take("stop_strings", stop_strings(), options_.stop_strings);
  }

  void read_special_tokens() {
    take("eos_token_id", ids("eos_token_id"), options_.eos_token_ids);
    take("forced_eos_token_id", ids("forced_eos_token_id"), options_.forced_eos_token_id);
    take("forced_bos_token_id", id("forced_bos_token_id"), options_.forced_bos_token_id);
    take("decoder_start_token_id", id("decoder_start_token_id"), options_.decoder_start_token_id);
    take("bos_token_id", id("bos_token_id"), options_.bos_token_id);
    // Nothing is padded here, and some models give an id without a row.
    const Result<int32_t> pad = id("pad_token_id");
    options_.pad_token_id = pad.ok() ? *pad : kNoToken;
  }

  void note_unsupported(bool samples) {
    for (const NeutralNumber& field : kNeutral) note(field);
    for (const NeutralNumber& field : kNeutralInSampling) {
      if (samples) note(field);
    }
    for (const std::string_view field : kNeutralIfFalse) {
      bool on = false;
      take(field, config_.boolean(std::string(field), false), on);
      if (on) refuse(field, not_supported(config_, field));
    }
    for (const std::string_view field : kNeutralIfAbsent) {
      if (config_.has(std::string(field))) refuse(field, not_supported(config_, field));
    }
    for (const std::string_view field : kNeutralIfAbsentInSampling) {
      if (samples && config_.has(std::string(field))) refuse(field, not_supported(config_, field));
    }
  }

  void note(const NeutralNumber& field) {
    const Status status = check_neutral(config_, field);
    if (!status.ok()) refuse(field.name, status);
  }

  template <typename T, typename Value>
  void take(std::string_view field, Result<T> read, Value& value) {
    if (read.ok()) {
      value = *std::move(read);
    } else {
      refuse(field, read.status());
    }
  }

  /// Drops the folder from the message, which is stored in model files.
  void refuse(std::string_view field, const Status& status) {
    std::string reason = status.message();
    const std::string& label = config_.label();
    const size_t slash = label.rfind('/');
    if (slash != std::string::npos && reason.starts_with(label)) reason.erase(1, slash);
    options_.unsupported.push_back({std::string(field), std::move(reason)});
  }

  Result<int> integer(const char* field, int64_t fallback, int64_t min, int64_t max) const {
    LW_ASSIGN_OR_RETURN(const int64_t value, config_.integer(field, fallback, min, max));
    return static_cast<int>(value);
  }
  Result<int32_t> id(const char* field) const { return integer(field, kNoToken, 0, last_id_); }
  Result<std::vector<int32_t>> ids(const char* field) const {
    return config_.integers(field, 0, last_id_);
  }
  Result<std::vector<std::vector<int32_t>>> bad_words() const {
    const std::string field = "bad_words_ids";
    LW_ASSIGN_OR_RETURN(auto words, config_.integer_lists(field, 0, last_id_));
    if (std::ranges::none_of(words, &std::vector<int32_t>::empty)) return words;
    return config_.wrong(field, "a list of lists that are not empty");
  }

  /// A list of [[id], bias]. The bias of a longer sequence depends on the tokens before.
  Result<std::vector<LogitBias>> bias() const {
    const std::string field = "sequence_bias";
    std::vector<LogitBias> biases;
    const base::JsonValue* list = config_.json().find(field);
    if (list == nullptr) return biases;
    if (!list->is_array()) return not_supported(config_, field);
    for (const base::JsonValue& entry : list->elements()) {
      const auto pair = entry.elements();
      if (pair.size() != 2 || pair[0].elements().size() != 1 || !pair[1].is_number()) {
        return unsupported(config_.label() +
                           ": 'sequence_bias' is supported for single tokens only");
      }
      const std::optional<int64_t> id = pair[0].elements()[0].integer();
      if (!id || *id < 0 || *id > last_id_) return config_.wrong(field, "ids of the vocabulary");
      const auto token = static_cast<int32_t>(*id);
      if (std::abs(pair[1].number()) > generate::kMaxLogitBias) {
        return config_.wrong(field, "numbers from -1e30 to 1e30");
      }
      // As in a dict, the last one counts.
      std::erase_if(biases, [&](const LogitBias& one) { return one.id == token; });
      biases.push_back({token, pair[1].number()});
    }
    return biases;
  }

  /// A text, or a list of texts.
  Result<std::vector<std::string>> stop_strings() const {
    const std::string field = "stop_strings";
    std::vector<std::string> strings;
    const base::JsonValue* found = config_.json().find(field);
    if (found != nullptr && found->is_string()) {
      strings.emplace_back(found->string());
    } else {
      LW_ASSIGN_OR_RETURN(strings, config_.texts(field));
    }
    if (std::ranges::none_of(strings, &std::string::empty)) return strings;
    return config_.wrong(field, "texts that are not empty");
  }

  const Config& config_;
  int32_t last_id_;
  GenerationOptions options_;
};

}  // namespace

bool is_generation_field(std::string_view name) {
  return contains(kRead, name) || contains(kIgnored, name) || contains(kNeutral, name) ||
         contains(kNeutralInSampling, name) || contains(kNeutralIfFalse, name) ||
         contains(kNeutralIfAbsent, name) || contains(kNeutralIfAbsentInSampling, name);
}

GenerationOptions read_generation_config(const Config& config, int64_t vocabulary_size,
                                         const Report& report) {
  GenerationOptions options = Reader(config, vocabulary_size).read();
  for (const UnsupportedOption& option : options.unsupported) {
    if (generate::is_obeyed(option, options)) {
      report(option.reason + ": generation fails unless the caller overrides it");
    }
  }
  config.report_unknown(is_generation_field, report);
  return options;
}

}  // namespace lanewise::converters
