#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "converters/pack/matrix_rows.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"
#include "ops/weights/packed_weight.hpp"

namespace lanewise::converters {

using ops::WeightFormat;

/// The format that keeps the values of the matrices with these names, stacked, as the checkpoint
/// stores them: f16, bf16_exact or that of blocks. f32 if they are stored differently, as something
/// else, or computed.
///
/// Matrices that differ could be stored one below the other only in f32, which takes several times
/// the memory, and every decoding step would read it: they are better not stacked.
WeightFormat kept_format(const Checkpoint& checkpoint, const TensorParts& parts,
                         const std::vector<std::string>& names);

/// Whether stacking the matrices loses nothing: all are kept in one format, or all in f32.
bool keep_alike(const Checkpoint& checkpoint, const TensorParts& parts,
                const std::vector<std::string>& names);

/// The shape of the stacked matrices, whose kept_format() is not f32. Fails with kInvalidArgument,
/// naming the tensor, for shapes that cannot be stacked or a part that its tensor does not have.
Result<Shape> kept_shape(const Checkpoint& checkpoint, const TensorParts& parts,
                         const std::vector<std::string>& names);

/// Packs the matrices, whose kept_format() is `format`, not f32, with their rows where `places`
/// says. Fails as kept_shape() and Checkpoint::read() do.
Result<ops::PackedWeight> pack_kept(const Checkpoint& checkpoint, const TensorParts& parts,
                                    const std::vector<std::string>& names, WeightFormat format,
                                    const MatrixRows& places = MatrixRows());

}  // namespace lanewise::converters
