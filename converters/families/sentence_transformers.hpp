#pragma once

#include <string>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

/// What a sentence-transformers folder adds to a Transformers folder: modules.json, a folder per
/// module, and the length at which texts are cut.
namespace lanewise::converters {

inline constexpr const char* kModulesFile = "modules.json";

/// Where config.json of `folder` stands: "" or, by modules.json, a folder in it.
/// kInvalidArgument for a path that leaves the folder.
Result<std::string> transformer_subfolder(SourceFolder& folder);

/// How token vectors become the vector of a text.
struct SentenceHead {
  std::string pool;        ///< kind of the operator pool; empty: no sentence vector
  bool normalize = false;  ///< to unit length
};

/// Reads modules.json and the modules' configs. Without modules.json it is the mean, as
/// sentence-transformers itself does, and the report says so. kUnsupported names a module or
/// pooling mode that we lack.
Result<SentenceHead> read_sentence_head(const FamilyInput& input, int64_t features);

/// Appends `head` and makes it the output `sentence_embedding`.
void append_sentence_head(graph::Builder& builder, graph::ValueId tokens, const SentenceHead& head);

/// Where texts are cut: max_seq_length of sentence_bert_config.json, else model_max_length of
/// tokenizer_config.json, never above `max_tokens`.
Result<int64_t> max_text_tokens(const FamilyInput& input, int64_t max_tokens);

}  // namespace lanewise::converters
