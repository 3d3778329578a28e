#pragma once

#include <cstddef>
#include <span>
#include <vector>

/// The arithmetic of merging adapters. Everything is row-major.
namespace lanewise::converters {

/// y [rows, columns] += scale * b [rows, rank] a [rank, columns], sums in f32.
void add_product(std::span<const float> b, std::span<const float> a, size_t rank, float scale,
                 std::span<float> y, size_t columns);

/// x [rows, columns] as [columns, rows].
std::vector<float> transposed(std::span<const float> x, size_t rows, size_t columns);

/// Scales each output feature of `w` to the magnitude that DoRA learnt for it. An output is a row,
/// or a column if `is_transposed`.
void set_magnitudes(std::span<const float> magnitudes, bool is_transposed, std::span<float> w);

}  // namespace lanewise::converters
