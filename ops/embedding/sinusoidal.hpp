#pragma once

#include <cstdint>
#include <vector>

namespace lanewise::ops {

enum class SinusoidalLayout {
  kInterleaved,  ///< sin on even features, cos on odd ones
  kHalves,       ///< all sines, then all cosines: Marian, Hugging Face
};

/// Returns the table of sinusoidal positions [rows, dim], computed in double precision and rounded
/// once.
///
///   angle[p, i] = p / 10000^(2i / dim),  i = 0, 1, ..., ceil(dim / 2) - 1
///
///   interleaved   table[p, 2i] = sin(angle[p, i]),  table[p, 2i + 1] = cos(angle[p, i])
///   halves        table[p, i] = sin(angle[p, i]),   table[p, ceil(dim / 2) + i] = cos(angle[p, i])
///
/// If dim is odd there is one cosine fewer. The caller has checked that rows >= 0 and dim >= 1 and
/// that the table fits into memory.
/// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
std::vector<float> sinusoidal_table(int64_t rows, int64_t dim,
                                    SinusoidalLayout layout = SinusoidalLayout::kInterleaved);

}  // namespace lanewise::ops
