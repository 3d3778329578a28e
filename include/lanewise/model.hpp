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
  bool per_token = false;  ///< one row per token, else one row per sequence
  int64_t features = 0;
};

/// A prefix that an embedding model expects before texts of one kind.
struct Prompt {
  std::string name;  ///< the kind: query, document, ...
  std::string text;  ///< the prefix: `query: `
};

/// How a logit becomes a score.
enum class ScoreFunction {
  kNone,     ///< it is the score
  kSigmoid,  ///< each label by itself
  kSoftmax,  ///< over all labels
};

/// How alike two vectors of texts are; larger is more alike.
enum class Similarity {
  kCosine,     ///< the cosine of the angle between them
  kDot,        ///< their inner product
  kEuclidean,  ///< minus the length of their difference
  kManhattan,  ///< minus the sum of the magnitudes of its elements
};

/// How a late-interaction model reads one kind of texts, queries or documents.
struct LateInteractionTexts {
  int32_t marker_id = -1;  ///< a token that says which kind of text this is, after the first token
  /// Put before each text: the marker then replaces its one token. Empty: the marker is inserted.
  std::string replaced_prefix{};
  int64_t max_tokens = 0;  ///< texts are truncated to so many, the marker included
};

/// What a late-interaction model says (ColBERT), whose vectors of tokens are compared one by one.
struct LateInteraction {
  LateInteractionTexts queries;
  LateInteractionTexts documents;
  int32_t expansion_id = -1;  ///< fills queries up to their max_tokens; -1: they are not filled
  bool attends_to_expansion = false;
  std::vector<int32_t> skipped_ids;  ///< tokens of documents without a vector, as punctuation

  bool is_used() const noexcept { return queries.max_tokens > 0; }
};

/// What a model with the head of a task says about it.
struct HeadInfo {
  std::vector<std::string> labels;  ///< of the features of `logits`; empty: they are not labels
  /// As in the checkpoint: single_label_classification, multi_label_classification, regression, or
  /// empty.
  std::string problem_type;
  ScoreFunction scores = ScoreFunction::kNone;   ///< of the labels
  ScoreFunction ranking = ScoreFunction::kNone;  ///< of a pair of query and text
  std::string mask_token;                        ///< in texts with masks; empty: none
  /// Sparse embeddings of logits: how often log(1 + x) is taken of one above 0; 0: there are none.
  int32_t sparse_logarithms = 0;
  bool sparse_sum = false;  ///< sums over the tokens of a text; else the largest counts
  /// Sparse embeddings of the output `token_weights`: tokens that never have a weight.
  std::vector<int32_t> unweighted_ids;
  LateInteraction late_interaction;
  bool omits_first_vector = false;  ///< the first token of a text has no vector of its own (BGE-M3)
};

/// Describes a model, as recorded by its converter.
struct ModelInfo {
  std::string family;  ///< bert, ...
  /// embedding, encoder, late-interaction, or what a head is for: text-classification,
  /// token-classification, question-answering, fill-mask.
  std::string task;
  int64_t vocabulary_size = 0;         ///< input_ids are below it
  int64_t token_types = 0;             ///< token_type_ids are below it; 0: the model takes none
  int64_t max_tokens = 0;              ///< the longest input_ids, including special tokens
  int64_t max_text_tokens = 0;         ///< texts are truncated to this many tokens; <= max_tokens
  int64_t max_text_characters = 0;     ///< before that, to this many code points; 0: they are not
  int32_t left_out_id = -1;            ///< a token that is removed from texts; -1: none
  int64_t target_vocabulary_size = 0;  ///< decoder_input_ids are below it; 0: no decoder
  int64_t max_target_tokens = 0;       ///< the longest decoder_input_ids, including the start token
  GenerationOptions generation;        ///< the checkpoint's defaults
  std::vector<Prompt> prompts;
  std::string default_prompt;  ///< name of the prompt used by default; empty: none
  bool pools_prompt = true;    ///< whether pooling includes the tokens of the prompt
  /// For which sentence embeddings were trained, or the sparse ones of a masked language model.
  Similarity similarity = Similarity::kCosine;
  HeadInfo head;
  std::vector<OutputInfo> outputs;

  /// The ids that a model with `logits` generates are below it: the decoder's own vocabulary, or
  /// that of input_ids if the model is a decoder alone.
  int64_t generated_vocabulary_size() const noexcept {
    return target_vocabulary_size > 0 ? target_vocabulary_size : vocabulary_size;
  }
};

/// How to load a model file.
struct OpenOptions {
  /// Reads the file instead of mapping it. The model no longer depends on the file, but takes as
  /// much memory of its own. Use it if others may truncate or rewrite the file in place: with a
  /// mapping, reading the lost pages kills the process with SIGBUS. Replacing a file by renaming a
  /// new one over it, as `lanewise convert` does, is safe either way.
  bool read_into_memory = false;
};

/// A model in memory: graph, packed weights, tokenizer.
///
/// A handle to immutable data, which any number of sessions and threads may share. Cheap to copy.
class LANEWISE_EXPORT Model {
 public:
  /// Maps a model file written by `lanewise convert`. Weights are neither copied nor repacked, and
  /// processes share their pages. For checkpoints see load() in lanewise/convert.hpp.
  ///
  /// A mapped file must not be truncated or rewritten in place while the model is in use (see
  /// OpenOptions::read_into_memory).
  ///
  /// Fails with kNotFound or kIo if the file cannot be opened, with kDataLoss if it is damaged or
  /// not a model file, with kUnsupported if its format is newer than this library.
  static Result<Model> open(const std::string& path, const OpenOptions& options = {});

  const ModelInfo& info() const noexcept;

  /// For internal use by the library.
  const internal::ModelData& data() const noexcept { return *data_; }
  explicit Model(std::shared_ptr<const internal::ModelData> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::ModelData> data_;
};

}  // namespace lanewise
