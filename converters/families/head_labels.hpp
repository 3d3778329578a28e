#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/config.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Reads what config.json says about the labels of a classifier: `id2label` or `num_labels`, by
/// default two, as in Transformers.
///
/// kInvalidArgument if `id2label` does not number its labels from 0, or `num_labels` disagrees.
Result<std::vector<std::string>> read_labels(const Config& config);

/// Reads how scores of texts follow from logits: `problem_type`, as the text-classification pipeline
/// of Transformers reads it, and the activation that sentence-transformers stores for re-ranking
/// (`sentence_transformers.activation_fn`, or `sbert_ce_default_activation_function` before version
/// 4), by default a sigmoid for a single label.
///
/// Requires info.labels. kUnsupported for other problems and activations.
Status read_score_functions(const Config& config, HeadInfo& info);

/// The score function of an activation that `field` of `config` names by its path in PyTorch.
/// kUnsupported for any but Sigmoid and Identity.
Result<ScoreFunction> ranking_function(const Config& config, const std::string& field,
                                       const std::string& path);

}  // namespace lanewise::converters
