#include "converters/adapters/lora_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

/// No adapter has more features than a layer.
constexpr int64_t kMaxRank = 1 << 20;
constexpr double kMaxAlpha = 1e9;

constexpr auto kRead = std::to_array<std::string_view>(
    {"alpha_pattern", "base_model_name_or_path", "fan_in_fan_out", "init_lora_weights",
     "lora_alpha", "lora_bias", "peft_type", "r", "rank_pattern", "use_dora", "use_rslora"});

/// They say what was trained and how; the file has the result.
constexpr auto kOfTraining = std::to_array<std::string_view>(
    {"auto_mapping", "bias", "ensure_weight_tying", "eva_config", "exclude_modules",
     "inference_mode", "layers_pattern", "layers_to_transform", "lora_dropout", "megatron_core",
     "modules_to_save", "peft_version", "qalora_group_size", "revision", "runtime_config",
     "target_modules", "task_type"});

/// Initialisations that leave the base model as it is. The others (PiSSA, OLoRA, LoftQ, CorDA)
/// subtract the adapter from its weights before the training, so that the base in the folder is not
/// the one that the adapter belongs to.
constexpr auto kKeepBase = std::to_array<std::string_view>({"gaussian", "orthogonal", "eva"});

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

Status refused(const Config& config, const std::string& field) {
  return unsupported(config.label() + ": " + in_quotes(field) +
                     " is not supported: merge the adapter with merge_and_unload() and save the "
                     "result");
}

/// Absent, false, or empty: the same as the default.
bool is_unset(const base::JsonValue& value) {
  return value.is_null() || (value.is_boolean() && !value.boolean()) ||
         (value.is_array() && value.elements().empty()) ||
         (value.is_object() && value.members().empty());
}

/// Every field but those above must be unset.
Status check_fields(const Config& config) {
  for (const auto& [key, value] : config.json().members()) {
    const std::string field(key);
    if (contains(kRead, field) || contains(kOfTraining, field) || is_unset(value)) continue;
    return refused(config, field);
  }
  return {};
}

Status check_kind(const Config& config) {
  LW_ASSIGN_OR_RETURN(const std::string kind, config.text("peft_type", ""));
  if (kind != "LORA") {
    return unsupported(config.label() + ": 'peft_type' " + in_quotes(kind) +
                       " is not supported; known: LORA");
  }
  const base::JsonValue* init = config.json().find("init_lora_weights");
  if (init != nullptr && init->is_string() && !contains(kKeepBase, init->string())) {
    return unsupported(config.label() + ": 'init_lora_weights' " + in_quotes(init->string()) +
                       " changes the base model, which is not supported: merge the adapter with "
                       "merge_and_unload() and save the result");
  }
  return {};
}

/// PEFT's keys are regular expressions; in practice they are names, perhaps with `^` in front.
Status check_key(const Config& patterns, const std::string& key) {
  const std::string_view name = key.starts_with('^') ? std::string_view(key).substr(1) : key;
  if (name.find_first_of("*+?()[]{}|\\^$") == std::string_view::npos) return {};
  return unsupported(patterns.label() + ": the regular expression " + in_quotes(key) +
                     " is not supported, only names of modules");
}

template <typename Value, typename Read>
Result<Patterns<Value>> read_patterns(const Config& config, const char* field, Read read) {
  LW_ASSIGN_OR_RETURN(const Config object, config.object(field));
  Patterns<Value> patterns;
  for (const std::string& key : object.fields()) {
    LW_RETURN_IF_ERROR(check_key(object, key));
    LW_ASSIGN_OR_RETURN(const Value value, read(object, key));
    patterns.emplace_back(key, value);
  }
  return patterns;
}

template <typename Value>
Value value_of(const Patterns<Value>& patterns, const std::string& module, Value otherwise) {
  for (const auto& [key, value] : patterns) {
    if (names_module(key, module)) return value;
  }
  return otherwise;
}

}  // namespace

bool names_module(const std::string& key, const std::string& module) {
  const bool is_whole = key.starts_with('^');
  const std::string_view name = std::string_view(key).substr(is_whole ? 1 : 0);
  if (name.size() > module.size() || (is_whole && name.size() != module.size())) return false;
  const size_t begin = module.size() - name.size();
  if (begin != 0 && module[begin - 1] != '.') return false;
  return std::equal(name.begin(), name.end(), module.begin() + static_cast<std::ptrdiff_t>(begin),
                    [](char a, char b) { return a == '.' || a == b; });
}

int64_t LoraConfig::rank_of(const std::string& module) const {
  return value_of(rank_pattern, module, rank);
}

double LoraConfig::scale_of(const std::string& module) const {
  const auto r = static_cast<double>(rank_of(module));
  return value_of(alpha_pattern, module, alpha) / (rslora ? std::sqrt(r) : r);
}

Result<LoraConfig> read_lora_config(const Config& config) {
  LW_RETURN_IF_ERROR(check_kind(config));
  LW_RETURN_IF_ERROR(check_fields(config));
  LoraConfig lora;
  LW_ASSIGN_OR_RETURN(lora.base, config.text("base_model_name_or_path", ""));
  LW_ASSIGN_OR_RETURN(lora.rank, config.integer("r", 8, 1, kMaxRank));
  LW_ASSIGN_OR_RETURN(lora.alpha, config.number("lora_alpha", 8, -kMaxAlpha, kMaxAlpha));
  LW_ASSIGN_OR_RETURN(lora.rslora, config.boolean("use_rslora", false));
  LW_ASSIGN_OR_RETURN(lora.dora, config.boolean("use_dora", false));
  LW_ASSIGN_OR_RETURN(lora.fan_in_fan_out, config.boolean("fan_in_fan_out", false));
  LW_ASSIGN_OR_RETURN(
      lora.rank_pattern,
      read_patterns<int64_t>(config, "rank_pattern", [](const Config& object, const auto& key) {
        return object.integer(key, 0, 1, kMaxRank);
      }));
  LW_ASSIGN_OR_RETURN(
      lora.alpha_pattern,
      read_patterns<double>(config, "alpha_pattern", [](const Config& object, const auto& key) {
        return object.number(key, 0, -kMaxAlpha, kMaxAlpha);
      }));
  return lora;
}

}  // namespace lanewise::converters
