#pragma once

#include <cstdint>
#include <vector>

namespace lanewise::ops {

enum class SinusoidalLayout {
  kInterleaved,  ///< sin on even features, cos on odd ones
  kHalves,       ///< all sines, then all cosines: Marian, Hugging Face
};

/// The table of sinusoidal positions, computed in double precision and rounded once.
///
///   angle[p, i] = p / 10000^(2i / dim),  i = 0, 1, ..., ceil(dim / 2) - 1
///   table[p, 2i] = sin(angle[p, i]),  table[p, 2i + 1] = cos(angle[p, i])       interleaved
///   table[p, i] = sin(angle[p, i]),  table[p, ceil(dim / 2) + i] = cos(angle[p, i])   halves
///
/// For an odd dim there is one cosine less. Result [rows, dim]; rows >= 0, dim >= 1 and a product
/// that fits into memory are the caller's to check.
/// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
std::vector<float> sinusoidal_table(int64_t rows, int64_t dim,
                                    SinusoidalLayout layout = SinusoidalLayout::kInterleaved);

}  // namespace lanewise::ops
