#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "lanewise/model.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/status.hpp"
#include "lanewise/token_embedder.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// What `embed --sparse` and `embed --tokens` print of a text.
class EmbeddingFormat {
 public:
  static Result<EmbeddingFormat> create(const Model& model);

  /// The tokens with their weights, largest first.
  std::string json(std::string_view text, const SparseEmbedding& embedding) const;
  /// The text, and each token with its weight after a tab.
  std::string plain(std::string_view text, const SparseEmbedding& embedding) const;

  /// A list for each vector.
  static std::string json(std::string_view text, const TokenEmbedding& embedding);
  /// A line for each vector: the text, the token and the numbers, with tabs between them.
  std::string plain(std::string_view text, const TokenEmbedding& embedding) const;

 private:
  explicit EmbeddingFormat(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  std::string name_of(int32_t id) const;

  Tokenizer tokenizer_;
};

}  // namespace lanewise::cli
