#pragma once

#include <vector>

#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// Vectors that a model computes, for what follows it.
struct EncoderVectors {
  graph::ValueId tokens = -1;
  graph::ValueId pooler = -1;  ///< -1: none
  /// Of all tokens, after the embeddings and after each layer; empty if the family does not give
  /// them.
  std::vector<graph::ValueId> states{};
};

}  // namespace lanewise::converters
