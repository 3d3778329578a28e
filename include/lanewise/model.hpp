#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

namespace internal {
class ModelData;
}

/// One output of a model: `last_hidden_state`, `sentence_embedding`, ...
struct OutputInfo {
  std::string name;
  bool per_token = false;  ///< one row a token, else one row a sequence
  int64_t features = 0;
};

/// A text that a model for embeddings wants before each text of a kind: `query: `.
struct Prompt {
  std::string name;  ///< of the kind: query, document, ...
  std::string text;
};

/// What a model is, as its converter recorded it.
struct ModelInfo {
  std::string family;           ///< bert, ...
  std::string task;             ///< embedding, encoder, ...
  int64_t vocabulary_size = 0;  ///< ids of input_ids
  int64_t token_types = 0;      ///< 0: the model takes no token_type_ids
  int64_t max_tokens = 0;  ///< the longest sequence that the model can run, special tokens included
  int64_t max_text_tokens = 0;         ///< where texts are cut; <= max_tokens
  int64_t target_vocabulary_size = 0;  ///< ids of decoder_input_ids; 0: no decoder
  int64_t max_target_tokens = 0;       ///< the longest decoder_input_ids, start token included
  GenerationOptions generation;        ///< what the checkpoint says of how to generate
  std::vector<Prompt> prompts;
  std::string default_prompt;  ///< the name of the one that is used unless asked; empty: none
  bool pools_prompt = true;    ///< whether the tokens of a prompt count in the vector of its text
  std::vector<OutputInfo> outputs;
};

/// How a model file comes into memory.
struct OpenOptions {
  /// Reads the file instead of mapping it: the model is then independent of the file, and takes as
  /// much memory of its own. For files that others may shorten or rewrite in place: a process that
  /// has such a file mapped is killed by SIGBUS when it reads the lost pages. Replacing a file by
  /// renaming a new one over it, as `lanewise convert` does, is safe either way.
  bool read_into_memory = false;
};

/// A model in memory: graph, packed weights, tokenizer.
///
/// A handle to immutable data that any number of Sessions and threads share; copying it is cheap.
class LANEWISE_EXPORT Model {
 public:
  /// Maps a model file that `lanewise convert` wrote: nothing is copied or repacked, and pages are
  /// shared with other processes. Fails with kNotFound or kIo when the file cannot be opened, with
  /// kDataLoss when it is damaged or no model file, with kUnsupported when it is of a newer format.
  /// For checkpoints see load() in lanewise/convert.hpp.
  ///
  /// A mapped file must not be shortened or rewritten in place while the model is in use (see
  /// OpenOptions::read_into_memory).
  static Result<Model> open(const std::string& path, const OpenOptions& options = {});

  const ModelInfo& info() const noexcept;

  /// For the library's own layers.
  const internal::ModelData& data() const noexcept { return *data_; }
  explicit Model(std::shared_ptr<const internal::ModelData> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::ModelData> data_;
};

}  // namespace lanewise
