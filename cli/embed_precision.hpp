#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "lanewise/embedder.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::cli {

/// The options --precision and --ranges: what becomes of the numbers of vectors.
class EmbedPrecision {
 public:
  void add_to(CLI::App& command);
  /// Ends the program unless the options fit each other.
  void check_usage() const;

  bool is_f32() const { return name_ == "f32"; }
  /// Of what is written for a vector.
  DataType type() const { return is_f32() ? DataType::kF32 : DataType::kI8; }
  int64_t columns(int64_t dimension) const { return is_binary() ? dimension / 8 : dimension; }

  /// Before the first text: reads the ranges, and fails if vectors of this dimension cannot be
  /// written.
  Status prepare(int64_t dimension);
  /// Nothing for f32.
  Result<std::optional<QuantizedEmbeddings>> quantize(const Embeddings& embeddings) const;

 private:
  bool is_binary() const { return name_ == "binary"; }

  std::string name_ = "f32";
  std::string ranges_file_;
  EmbeddingRanges ranges_;
};

}  // namespace lanewise::cli
