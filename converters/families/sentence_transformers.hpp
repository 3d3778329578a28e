#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/source_folder.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

/// What a sentence-transformers folder adds to a Transformers folder: modules.json, a folder per
/// module (sentence_head.hpp), prompts, and the truncation length.
namespace lanewise::converters {

inline constexpr const char* kModulesFile = "modules.json";

/// An entry of modules.json.
struct SentenceModule {
  std::string type;  ///< class name without its package: Transformer, Pooling, Normalize, Dense
  std::string path;  ///< folder of its config; "" is the root
};

/// Returns the modules in order of execution. kUnsupported for a class that is not from
/// sentence-transformers, kInvalidArgument for a path that leads out of the folder.
Result<std::vector<SentenceModule>> read_modules(SourceFolder& folder);

/// Whether `folder` was written by sentence-transformers.
bool is_sentence_folder(const SourceFolder& folder);

/// Whether the first module is a StaticEmbedding, whose folder has no config.json. Fails as
/// read_modules() does.
Result<bool> is_static_folder(SourceFolder& folder);

/// What the first module of a folder computes: vectors of tokens, to be pooled or as they are
/// (MultiVectorEncoder), or with a head the logits of a masked language model (SparseEncoder) or
/// the scores of a classifier (CrossEncoder).
enum class TransformerTask { kFeatures, kTokenVectors, kMaskedTokens, kScores };

/// Reads it from modules.json, sentence_bert_config.json and config_sentence_transformers.json.
/// Fails with kUnsupported, naming it, for any other task.
Result<TransformerTask> read_transformer_task(const FamilyInput& input);

/// kUnsupported unless that task is kFeatures.
Status expect_features(const FamilyInput& input);

/// Returns the folder of config.json within `folder`: "", or the one given by modules.json. Fails
/// as read_modules() does, and with kUnsupported unless the first module is a Transformer or a
/// StaticEmbedding.
Result<std::string> transformer_subfolder(SourceFolder& folder);

/// sentence_bert_config.json, or the file with one of its older names, if the folder has it.
Result<std::optional<Config>> read_text_config(const FamilyInput& input);

/// What that file says about texts.
struct SentenceTexts {
  int64_t max_tokens = 0;
  bool lowercase = false;
};

/// Texts are truncated to max_seq_length, else to model_max_length of tokenizer_config.json, and in
/// any case to `max_tokens`. Fails with kUnsupported, naming the field, for images, chat templates
/// and outputs other than those of the task.
Result<SentenceTexts> read_sentence_texts(const FamilyInput& input, int64_t max_tokens);

/// The class that writes folders with that task: SentenceTransformer, MultiVectorEncoder,
/// SparseEncoder, CrossEncoder.
std::string_view class_of(TransformerTask task);

/// Reads prompts, the default prompt and the similarity of vectors from
/// config_sentence_transformers.json into `info`.
/// kUnsupported for a folder of another class than class_of(task).
Status read_prompts(const FamilyInput& input, TransformerTask task, ModelInfo& info);

/// config_sentence_transformers.json, if the folder has it.
Result<std::optional<Config>> read_sentence_config(const FamilyInput& input);

}  // namespace lanewise::converters
