#pragma once

#include <string>
#include <vector>

#include "converters/families/family.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// How a late-interaction model reads texts, with tokens by their names.
struct LateInteractionSettings {
  LateInteraction info;  ///< without ids
  std::string query_marker;
  std::string document_marker;
  std::string expansion;              ///< empty: queries are not filled
  std::vector<std::string> skiplist;  ///< tokens of documents that get no vector
  /// Whether vectors have length 1 without a module that says so.
  bool normalizes = false;
};

/// Whether the source is a late-interaction model: a checkpoint of ColBERT itself, by
/// `architectures`, or a folder that PyLate or sentence-transformers' MultiVectorEncoder wrote.
/// Fails as read_modules() does.
Result<bool> is_late_interaction(const FamilyInput& input);

/// Reads the settings: of ColBERT from artifact.metadata, of PyLate from
/// config_sentence_transformers.json, of a MultiVectorEncoder from sentence_bert_config.json and
/// its module MultiVectorMask. No text gets more than `max_tokens` tokens.
///
/// Fails with kUnsupported, naming it, for a setting that changes vectors in any other way.
Result<LateInteractionSettings> read_late_interaction(const FamilyInput& input, int64_t max_tokens);

}  // namespace lanewise::converters
