#pragma once

#include <span>

#include "lanewise/model.hpp"
#include "lanewise/sparse_embedder.hpp"

namespace lanewise::tasks {

/// How alike two vectors of the same length are. The cosine of a vector of zeros is 0, as in
/// sentence-transformers. Sums are in double precision.
float similarity_of(std::span<const float> a, std::span<const float> b, Similarity similarity);

/// The same of two sparse vectors, whose elements are ordered by id.
float similarity_of(std::span<const TokenWeight> a, std::span<const TokenWeight> b,
                    Similarity similarity);

}  // namespace lanewise::tasks
