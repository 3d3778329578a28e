#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lanewise/classifier.hpp"
#include "lanewise/model.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/token_embedder.hpp"
#include "serve/work/batcher.hpp"

namespace lanewise::serve {

/// How texts are embedded.
struct EmbedChoice {
  std::optional<std::string> prompt{};  ///< name; not set: the model's default
  int64_t dimension = 0;                ///< numbers that are kept; 0: all
};

/// The vector of a text or of token ids.
struct TextVector {
  std::vector<float> values;
  int32_t tokens = 0;
};

/// One or two texts that a classifier reads.
struct TextOrPair {
  std::string first;
  std::optional<std::string> second{};
};

/// A query and the texts that are compared with it.
struct RankQuery {
  std::string query;
  std::vector<std::string> texts;
};

/// Where a text that is too long is reported, and whether that is an error.
struct Truncation {
  bool allowed = false;
  std::string field = "inputs";
};

/// What a model that reads texts can do. Each task has a batcher with the library's object for it,
/// made at the first request.
///
/// Results are those of that object, to the bit: the library promises that a text's result does not
/// depend on its batch. All calls are thread-safe; fail with kUnsupported where the model cannot do
/// it, with kInvalidArgument for a text that is too long and may not be truncated, for an unknown
/// prompt or dimension, and as Batcher::run(). `exchange` gets the number of tokens.
class TextWork {
 public:
  /// most_tokens  of a request
  TextWork(const Model& model, const SessionOptions& session, const BatchLimits& limits,
           int64_t most_tokens);
  ~TextWork();

  Result<std::vector<TextVector>> embed(std::vector<std::string> texts, const EmbedChoice& choice,
                                        const Truncation& truncation, Exchange& exchange);
  /// Ids are taken as they are, with the special tokens that they have.
  Result<std::vector<TextVector>> embed_ids(std::vector<std::vector<int32_t>> ids,
                                            Exchange& exchange);
  Result<std::vector<SparseEmbedding>> embed_sparse(std::vector<std::string> texts,
                                                    const EmbedChoice& choice,
                                                    const Truncation& truncation,
                                                    Exchange& exchange);
  Result<std::vector<TokenEmbedding>> embed_tokens(std::vector<std::string> texts,
                                                   const EmbedChoice& choice,
                                                   const Truncation& truncation,
                                                   Exchange& exchange);
  /// With Classifier::labels() of the model.
  Result<std::vector<Classification>> classify(std::vector<TextOrPair> texts,
                                               const Truncation& truncation, Exchange& exchange);
  Result<std::vector<std::string>> labels();
  Result<std::vector<RankedText>> rank(RankQuery query, const Truncation& truncation,
                                       Exchange& exchange);

  /// Whether the vectors that the model gives have length 1.
  bool normalizes() const;
  /// Of all batchers together.
  BatchStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise::serve
