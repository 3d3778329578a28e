#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/shell.hpp"
#include "lanewise/files.hpp"
#include "lanewise/model.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// Prints sparse embeddings, or writes them to a file of JSON lines, or both.
class SparseWriter {
 public:
  /// Without `json` and `file`, prints human-readable lines: the text, and each token with its weight
  /// after a tab. `file` may be empty.
  static Result<SparseWriter> create(const Model& model, bool json, const std::string& file,
                                     Output& out);

  Status write(std::string_view text, const SparseEmbedding& embedding);
  /// Makes the file appear under its name. Call it once.
  Status commit();

 private:
  SparseWriter(Tokenizer tokenizer, bool json, std::optional<AtomicFile> file, Output& out)
      : tokenizer_(std::move(tokenizer)), json_(json), file_(std::move(file)), out_(&out) {}

  std::string name_of(int32_t id) const;
  std::string json_of(std::string_view text, const SparseEmbedding& embedding) const;
  std::string line_of(std::string_view text, const SparseEmbedding& embedding) const;

  Tokenizer tokenizer_;
  bool json_;
  std::optional<AtomicFile> file_;
  Output* out_;
};

}  // namespace lanewise::cli
