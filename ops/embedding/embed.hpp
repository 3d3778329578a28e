#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Looks up the rows of tokens, scales them, and adds the rows of their positions and types.
///
///   y[r] = scale * table[ids[r]] + positions[p(r) + position_offset] + type_table[type_ids[r]]
///
/// p(r) is the index of the row within its sequence, or comes from the input `positions`.
///
/// inputs   ids [rows, 1] i32 with sequences; type_ids [rows, 1] i32 if the attribute has_type_ids
///          is true; positions [rows, 1] i32 if has_positions is true. The caller has checked that
///          they are within their tables, and that no sequence is longer than the positions.
/// output   y [rows, dim] f32
/// weights  table: rows [vocab, dim] of f32 (the default), bf16_rows, or i8_rows with table_scale
///          [vocab] f32; or panels of any format of ops/weights, the weight of a product that is
///          looked up as well;
///          type_table [types, dim] f32 with has_type_ids; position_table
///          [positions, dim] f32 if position is learned, with at least max_positions rows
/// attributes  scale (1), position (none, learned, sinusoidal; none), position_offset >= 0 (0),
///             max_positions (required if sinusoidal: the number of positions p(r)),
///             sinusoidal_layout (interleaved, halves; interleaved), has_type_ids (false),
///             has_positions (false)
/// Error: at most 2e-7 * (|scale * table| + |position| + |type|) against a double reference.
/// Fails with kInvalidArgument if shapes disagree or an attribute is invalid, with
/// kResourceExhausted for a sinusoidal table of more than 256 MiB. The same bits on every
/// instruction set with FMA. Thread-safe.
Result<OperatorPtr> make_embed(const OperatorConfig& config);

}  // namespace lanewise::ops
