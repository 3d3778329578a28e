#pragma once

#include <cstdint>

#include "base/json_tree.hpp"
#include "converters/gguf/architecture.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The tensors that gguf_rope() reads.
inline constexpr std::string_view kRopeTensors[] = {"rope_freqs.weight", "rope_factors_long.weight",
                                                    "rope_factors_short.weight"};

/// `rope_parameters` of Transformers for the rotary positions of a GGUF: base, scaling, and factors
/// in tensors.
///
/// head_dim  features of a head, of which `rope.dimension_count` are turned
/// partial   whether the model may turn fewer than all
Result<base::JsonTree> gguf_rope(const GgufInput& input, int64_t head_dim, int64_t context,
                                 bool partial);

}  // namespace lanewise::converters
