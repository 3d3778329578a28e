#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cli/output_file.hpp"
#include "cli/shell.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::cli {

/// Vectors, and what is written instead of their numbers; null: these themselves.
struct WrittenEmbeddings {
  const Embeddings& embeddings;
  const QuantizedEmbeddings* quantized;
};

/// Receives vectors, a portion of texts at a time.
class EmbedWriter {
 public:
  virtual ~EmbedWriter() = default;
  virtual Status write(std::span<const std::string_view> texts,
                       const WrittenEmbeddings& written) = 0;
  /// Writes the line of a text without a vector: an empty one, an object whose embedding is
  /// null, a row of NaN. Integers have no NaN.
  virtual Status leave_out(std::string_view text, const Status& why) = 0;
};

/// Fails for a name that ends in neither .npy nor .jsonl.
Status check_embed_output(const std::string& path);

/// How a file of this name begins: .npy, of a [texts, columns] array of `type`; null for others.
OutputFile::Header header_of(const std::string& path, int64_t columns, DataType type);

/// Writes to `file`, which outlives it, what its name says: .npy, rows of `columns` numbers; .jsonl,
/// JSON lines.
std::unique_ptr<EmbedWriter> make_file_writer(const std::string& path, OutputFile& file,
                                              int64_t columns);

/// JSON lines on stdout: text, embedding, tokens, truncated.
std::unique_ptr<EmbedWriter> make_json_writer(Output& out);

/// Human-readable lines on stdout: the text, a tab, the numbers separated by spaces.
std::unique_ptr<EmbedWriter> make_plain_writer(Output& out);

}  // namespace lanewise::cli
