#include "converters/families/head_labels.hpp"

#include <map>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr int64_t kDefaultLabels = 2;
constexpr int64_t kMostLabels = 1 << 16;
// Half of what a model file may say about its task.
constexpr size_t kMostLabelBytes = 1 << 19;

constexpr const char* kLabelNames = "id2label";
constexpr const char* kCount = "num_labels";

/// The activation that config.json names for re-ranking, and the field; empty if it names none.
Result<std::pair<std::string, std::string>> ranking_activation(const Config& config) {
  LW_ASSIGN_OR_RETURN(const Config nested, config.object("sentence_transformers"));
  std::string field = "activation_fn";
  LW_ASSIGN_OR_RETURN(std::string path, nested.text(field, ""));
  if (!path.empty()) return std::pair("sentence_transformers." + field, std::move(path));
  field = "sbert_ce_default_activation_function";
  LW_ASSIGN_OR_RETURN(path, config.text(field, ""));
  return std::pair(std::move(field), std::move(path));
}

Result<ScoreFunction> stored_ranking(const Config& config, size_t labels) {
  LW_ASSIGN_OR_RETURN(const auto activation, ranking_activation(config));
  const auto& [field, path] = activation;
  if (path.empty()) return labels == 1 ? ScoreFunction::kSigmoid : ScoreFunction::kNone;
  return ranking_function(config, field, path);
}

/// Pipelines take one label of a single choice for a yes or no.
Result<ScoreFunction> label_function(const Config& config, const std::string& problem,
                                     size_t labels) {
  if (problem == "regression") return ScoreFunction::kNone;
  if (problem == "multi_label_classification") return ScoreFunction::kSigmoid;
  if (problem.empty() || problem == "single_label_classification") {
    return labels == 1 ? ScoreFunction::kSigmoid : ScoreFunction::kSoftmax;
  }
  return unsupported(config.label() + ": problem_type " + in_quotes(problem) +
                     " is not supported; known: multi_label_classification, regression, "
                     "single_label_classification");
}

}  // namespace

Result<ScoreFunction> ranking_function(const Config& config, const std::string& field,
                                       const std::string& path) {
  const std::string name = path.starts_with("torch.nn.") ? path.substr(path.rfind('.') + 1) : "";
  if (name == "Sigmoid") return ScoreFunction::kSigmoid;
  if (name == "Identity") return ScoreFunction::kNone;
  return unsupported(config.label() + ": " + field + " " + in_quotes(path) +
                     " is not supported; known: torch.nn.Identity, torch.nn.Sigmoid");
}

Result<std::vector<std::string>> read_labels(const Config& config) {
  LW_ASSIGN_OR_RETURN(const auto names, config.text_map(kLabelNames));
  const auto named = static_cast<int64_t>(names.size());
  LW_ASSIGN_OR_RETURN(const int64_t count,
                      config.integer(kCount, named > 0 ? named : kDefaultLabels, 1, kMostLabels));
  if (named > 0 && named != count) {
    return config.wrong(kCount,
                        "the " + std::to_string(named) + " labels of '" + kLabelNames + "'");
  }
  std::vector<std::string> labels;
  size_t bytes = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto found = names.find(std::to_string(i));
    if (found == names.end() && named > 0) {
      return config.wrong(kLabelNames, "labels numbered from 0, each once");
    }
    labels.push_back(named > 0 ? found->second : "LABEL_" + std::to_string(i));
    bytes += labels.back().size() + 3;  // with quotes and a comma
  }
  if (bytes > kMostLabelBytes) {
    return config.wrong(kLabelNames,
                        "labels of at most " + std::to_string(kMostLabelBytes) + " bytes");
  }
  return labels;
}

Status read_score_functions(const Config& config, HeadInfo& info) {
  LW_ASSIGN_OR_RETURN(info.problem_type, config.text("problem_type", ""));
  LW_ASSIGN_OR_RETURN(info.scores, label_function(config, info.problem_type, info.labels.size()));
  LW_ASSIGN_OR_RETURN(info.ranking, stored_ranking(config, info.labels.size()));
  return {};
}

}  // namespace lanewise::converters
