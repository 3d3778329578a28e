#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/elements.hpp"
#include "converters/pack/matrix_rows.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Tensors of one role, stacked: [rows, rest of the shape].
struct JoinedTensors {
  std::vector<F32Tensor> parts;
  Shape shape;

  size_t size() const;
  /// All parts as one tensor; copies the values if there are several.
  F32Tensor as_one() &&;
};

/// The shape of the tensors with these names, stacked. A name in `parts` means that part. Nothing
/// is read.
///
/// Fails with kNotFound for a tensor that the checkpoint lacks; with kInvalidArgument for shapes
/// that cannot be stacked or a part that its tensor does not have.
Result<Shape> joined_shape(const Checkpoint& checkpoint, const TensorParts& parts,
                           const std::vector<std::string>& names);

/// Reads them as f32. Fails as joined_shape() and read_f32() do.
Result<JoinedTensors> read_joined(const Checkpoint& checkpoint, const TensorParts& parts,
                                  const std::vector<std::string>& names);

/// The rows where they are stored, zeros between them. Without such, `joined` itself.
JoinedTensors pad(JoinedTensors joined, const MatrixRows& rows);

}  // namespace lanewise::converters
