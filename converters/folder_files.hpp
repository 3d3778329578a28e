#pragma once

#include <array>
#include <string>
#include <vector>

/// The files that a folder of Transformers or sentence-transformers has beside its weights. Whoever
/// reads, looks for or copies such files takes their names from here.
namespace lanewise::converters {

/// Those that make a tokenizer: a folder has all that belong to its kind, or none.
inline constexpr auto kTokenizerFiles = std::to_array<const char*>(
    {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
     "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model",
     "sentencepiece.bpe.model", "tokenizer.model", "source.spm", "target.spm",
     "target_vocab.json"});

/// What sentence-transformers knows about texts: the current name and older ones, in the order in
/// which it looks for them.
inline constexpr auto kTextConfigs = std::to_array<const char*>(
    {"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
     "sentence_camembert_config.json", "sentence_albert_config.json",
     "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json"});

/// Settings of the model, and modules of ColBERT and BGE-M3.
inline constexpr auto kModelFiles = std::to_array<const char*>(
    {"config.json", "generation_config.json", "modules.json", "config_sentence_transformers.json",
     "artifact.metadata", "colbert_linear.pt", "sparse_linear.pt", "chat_template.jinja",
     "chat_template.json", "preprocessor_config.json", "processor_config.json"});

/// Has chat templates besides the usual one, all of its files.
inline constexpr const char* kChatTemplateFolder = "additional_chat_templates";

/// All files of these lists.
std::vector<std::string> files_beside_weights();

}  // namespace lanewise::converters
