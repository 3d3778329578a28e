#include "converters/families/sentence_task.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/head_labels.hpp"
#include "converters/files.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kSpladePooling = "SpladePooling";

Status unknown_module(const FamilyInput& input, const SentenceModule& module,
                      const std::string& known) {
  return unsupported(in_quotes(input.folder.path(kModulesFile)) + ": module " +
                     in_quotes(module.type) + " is not supported here; known: " + known);
}

/// The value of a field, one of two.
Result<std::string> one_of(const Config& config, const std::string& field, std::string_view usual,
                           std::string_view other) {
  LW_ASSIGN_OR_RETURN(std::string value, config.text(field, usual));
  if (value == usual || value == other) return value;
  return unsupported(config.label() + ": " + field + " " + in_quotes(value) +
                     " is not supported; known: " + std::string(usual) + ", " + std::string(other));
}

/// log(1 + relu(x)) of the logits, once or twice, then the largest of all tokens or their sum.
Status read_splade_pooling(const FamilyInput& input, const SentenceModule& module, HeadInfo& head) {
  constexpr std::array kOthers =
      std::to_array<std::string_view>({"embedding_dimension", "word_embedding_dimension"});
  LW_ASSIGN_OR_RETURN(const Config config, input.folder.config(join(module.path, "config.json")));
  for (const std::string& name : config.fields()) {
    const bool known = name == "pooling_strategy" || name == "activation_function" ||
                       std::ranges::find(kOthers, name) != kOthers.end();
    if (!known) {
      return unsupported(config.label() + ": " + in_quotes(name) + " is not supported");
    }
  }
  LW_ASSIGN_OR_RETURN(const std::string strategy, one_of(config, "pooling_strategy", "max", "sum"));
  head.sparse_sum = strategy == "sum";
  LW_ASSIGN_OR_RETURN(const std::string activation,
                      one_of(config, "activation_function", "relu", "log1p_relu"));
  head.sparse_logarithms = activation == "relu" ? 1 : 2;
  return {};
}

Status read_sparse(const FamilyInput& input, const std::vector<SentenceModule>& modules,
                   ModelInfo& info) {
  const std::string known = std::string("Transformer, then ") + kSpladePooling;
  if (modules.size() < 2) {
    return unsupported(in_quotes(input.folder.path(kModulesFile)) + ": expected " + known);
  }
  for (size_t i = 1; i < modules.size(); ++i) {
    if (i > 1 || modules[i].type != kSpladePooling) {
      return unknown_module(input, modules[i], known);
    }
  }
  return read_splade_pooling(input, modules[1], info.head);
}

Status read_sentence_task_scores(const FamilyInput& input,
                                 const std::vector<SentenceModule>& modules, ModelInfo& info) {
  if (modules.size() > 1) return unknown_module(input, modules[1], "a Transformer alone");
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_sentence_config(input));
  if (!config) return {};
  const std::string field = "activation_fn";
  LW_ASSIGN_OR_RETURN(const std::string path, config->text(field, ""));
  if (path.empty()) return {};
  LW_ASSIGN_OR_RETURN(info.head.ranking, ranking_function(*config, field, path));
  return {};
}

}  // namespace

Status read_sentence_task(const FamilyInput& input, TransformerTask task, ModelInfo& info) {
  LW_RETURN_IF_ERROR(read_prompts(input, task, info));
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
  return task == TransformerTask::kScores ? read_sentence_task_scores(input, modules, info)
                                          : read_sparse(input, modules, info);
}

}  // namespace lanewise::converters
