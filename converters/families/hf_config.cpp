#include "converters/families/hf_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/generation_config.hpp"

namespace lanewise::converters {
namespace {

// None of these fields changes what a trained model computes.
constexpr std::array kHarmlessFields =
    std::to_array<std::string_view>({"_commit_hash",
                                     "_name_or_path",
                                     "_num_labels",
                                     "activation_dropout",
                                     "architectures",
                                     "attention_dropout",
                                     "chunk_size_feed_forward",
                                     "classif_dropout",
                                     "classifier_dropout",
                                     "decoder_layerdrop",
                                     "dropout",
                                     "dropout_rate",
                                     "dtype",
                                     "encoder_layerdrop",
                                     "finetuning_task",
                                     "force_bos_token_to_be_generated",
                                     "gradient_checkpointing",
                                     "id2label",
                                     "init_std",
                                     "initializer_factor",
                                     "is_decoder",
                                     "is_encoder_decoder",
                                     "label2id",
                                     "layerdrop",
                                     "model_type",
                                     "num_labels",
                                     "output_past",
                                     "prefix",
                                     "problem_type",
                                     "quantization_config",
                                     "sep_token_id",
                                     "task_specific_params",
                                     "tokenizer_class",
                                     "torch_dtype",
                                     "torchscript",
                                     "transformers_version",
                                     "unk_token_id",
                                     "use_bfloat16",
                                     "use_cache"});

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void set_default(const Config& config, const char* field, int32_t value, int64_t vocabulary,
                 int32_t& id) {
  if (!config.has(field) && value < vocabulary) id = value;
}

void set_default(const Config& config, const char* field, int32_t value, int64_t vocabulary,
                 std::vector<int32_t>& ids) {
  if (!config.has(field) && value != kNoToken && value < vocabulary) ids = {value};
}

/// The generation options in config.json, from before they had a file.
Result<GenerationOptions> read_legacy(const Config& config, int64_t vocabulary,
                                      const DefaultTokens& defaults) {
  GenerationOptions options = read_generation_config(config, vocabulary, [](std::string_view) {});
  set_default(config, "bos_token_id", defaults.bos, vocabulary, options.bos_token_id);
  set_default(config, "eos_token_id", defaults.eos, vocabulary, options.eos_token_ids);
  set_default(config, "pad_token_id", defaults.pad, vocabulary, options.pad_token_id);
  set_default(config, "decoder_start_token_id", defaults.decoder_start, vocabulary,
              options.decoder_start_token_id);
  set_default(config, "forced_eos_token_id", defaults.forced_eos, vocabulary,
              options.forced_eos_token_id);
  LW_ASSIGN_OR_RETURN(const bool force_bos,
                      config.boolean("force_bos_token_to_be_generated", false));
  if (force_bos) options.forced_bos_token_id = options.bos_token_id;
  return options;
}

}  // namespace

Result<GenerationOptions> read_hf_generation(const FamilyInput& input, int64_t vocabulary,
                                             const DefaultTokens& defaults) {
  const std::string path = join(input.config_folder, "generation_config.json");
  if (!input.folder.has_path(path)) return read_legacy(input.config, vocabulary, defaults);
  LW_ASSIGN_OR_RETURN(const Config config, input.folder.config_at(path));
  GenerationOptions options = read_generation_config(config, vocabulary, input.report);
  if (options.decoder_start_token_id == kNoToken && options.bos_token_id == kNoToken) {
    const std::string field = "decoder_start_token_id";
    const Result<int64_t> start =
        input.config.integer(field, defaults.decoder_start, kNoToken, vocabulary - 1);
    if (start.ok()) {
      options.decoder_start_token_id = static_cast<int32_t>(*start);
    } else {
      options.unsupported.push_back({field, start.status().message()});
    }
  }
  return options;
}

Result<int64_t> integer_or_alias(const Config& config, const std::string& name,
                                 const std::string& alias, int64_t fallback, int64_t min,
                                 int64_t max) {
  const bool by_alias = !config.has(name) && config.has(alias);
  return config.integer(by_alias ? alias : name, fallback, min, max);
}

Status check_fixed(const Config& config, std::span<const FixedField> fields) {
  for (const FixedField& field : fields) {
    LW_ASSIGN_OR_RETURN(const bool value, config.boolean(field.name, field.value));
    if (value == field.value) continue;
    LW_ASSIGN_OR_RETURN(const std::string type, config.text("model_type", ""));
    return unsupported(config.label() + ": " + base::in_quotes(field.name) +
                       (value ? " true" : " false") + " is not supported for " + type);
  }
  return {};
}

void report_unknown_hf_fields(const FamilyInput& input, std::span<const std::string_view> known) {
  const auto is_known = [&](std::string_view name) {
    return contains(known, name) || contains(kHarmlessFields, name) || is_generation_field(name);
  };
  input.config.report_unknown(is_known, input.report);
}

}  // namespace lanewise::converters
