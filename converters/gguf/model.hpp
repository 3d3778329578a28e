#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/gguf.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A GGUF as the Hugging Face folder of the same model: the files that families read, made of its
/// metadata, and its tensors under Transformers' names.
struct GgufModel {
  /// By their names: config.json, generation_config.json, and with a tokenizer tokenizer.json and
  /// tokenizer_config.json, which has the chat template.
  std::map<std::string, std::string> files;
  std::unique_ptr<Checkpoint> checkpoint;
  std::string architecture;    ///< `general.architecture`
  std::string tokenizer_name;  ///< `gpt2, smollm`; empty if there is none
  std::vector<std::string> warnings;
};

/// Whether the metadata name the architecture, as those of every model for llama.cpp do. Otherwise
/// the file is a set of tensors, which need a config beside them.
bool names_architecture(const GgufCheckpoint& checkpoint);

/// Reads the metadata of `checkpoint`, which is a model. Fails with kUnsupported, naming it, for an
/// architecture, a hyperparameter, a tensor or a tokenizer that is not known; with kDataLoss for a
/// missing or a wrong one.
Result<GgufModel> read_gguf_model(std::unique_ptr<GgufCheckpoint> checkpoint);

}  // namespace lanewise::converters
