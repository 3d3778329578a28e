#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/source_folder.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

/// What a sentence-transformers folder adds to a Transformers folder: modules.json, a folder per
/// module (sentence_head.hpp), prompts, and the length at which texts are cut.
namespace lanewise::converters {

inline constexpr const char* kModulesFile = "modules.json";

/// An entry of modules.json.
struct SentenceModule {
  std::string type;  ///< class name without its package: Transformer, Pooling, Normalize, Dense
  std::string path;  ///< folder of its config; "" is the root
};

/// In their order of execution. kUnsupported for a class of another package than
/// sentence-transformers', kInvalidArgument for a path that leaves the folder.
Result<std::vector<SentenceModule>> read_modules(SourceFolder& folder);

/// Whether `folder` is one that sentence-transformers wrote.
bool is_sentence_folder(const SourceFolder& folder);

/// Where config.json of `folder` stands: "" or, by modules.json, a folder in it. Fails as
/// read_modules(), and with kUnsupported unless the first module is a Transformer.
Result<std::string> transformer_subfolder(SourceFolder& folder);

/// What sentence_bert_config.json, or a file of its older names, says of texts.
struct SentenceTexts {
  int64_t max_tokens = 0;
  bool lowercase = false;
};

/// Texts are cut at max_seq_length, else at model_max_length of tokenizer_config.json, never above
/// `max_tokens`. kUnsupported names a field that asks for what is not done here: images, chat
/// templates, other tasks than features.
Result<SentenceTexts> read_sentence_texts(const FamilyInput& input, int64_t max_tokens);

/// Reads config_sentence_transformers.json into `info`: prompts and the default one. kUnsupported
/// for a CrossEncoder, SparseEncoder and whatever else is no SentenceTransformer.
Status read_prompts(const FamilyInput& input, ModelInfo& info);

}  // namespace lanewise::converters
