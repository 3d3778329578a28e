#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "converters/families/encoder_writer.hpp"
#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A table of relative positions, which each layer of DeBERTa projects as it projects tokens. No
/// text changes the result, so the converter computes it.
struct PositionEmbeddings {
  int64_t rows = 0;
  int64_t features = 0;
  std::shared_ptr<const std::vector<float>> values;  ///< [rows, features]
  const Checkpoint* checkpoint = nullptr;
};

struct PositionEmbeddingsSpec {
  int64_t rows = 0;
  int64_t features = 0;
  double eps = 0;     ///< of the norm
  bool norm = false;  ///< whether the module `LayerNorm` follows the table
};

/// Reads `rel_embeddings` and `LayerNorm` of the module `name`, and records that the graph reads
/// them. If a tensor is missing or has another shape, which check_tensors() reports, the values are
/// meaningless. Fails as read_f32() does.
Result<PositionEmbeddings> read_position_embeddings(const Checkpoint& checkpoint,
                                                    EncoderWriter& writer, const std::string& name,
                                                    const PositionEmbeddingsSpec& spec);

/// The name of a new part [rows, features]: the positions after the linear layer `module`. Fails as
/// read_f32() does.
Result<std::string> project_positions(EncoderWriter& writer, const PositionEmbeddings& positions,
                                      const std::string& module, bool has_bias = true);

}  // namespace lanewise::converters
