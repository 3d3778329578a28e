#include "ops/embedding/embed_kernels.hpp"

#include <cstring>

#include "base/dcheck.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

LW_INLINE size_t row_of(const EmbedTable& table, size_t r) noexcept {
  const int64_t index =
      table.index == nullptr ? static_cast<int64_t>(r) : int64_t{table.index[r * table.stride]};
  const int64_t row = index + table.first;
  LW_DCHECK(row >= 0 && row < table.rows);
  return static_cast<size_t>(row);
}

LW_INLINE const float* f32_row(const EmbedTable& table, size_t r, size_t dim) noexcept {
  return static_cast<const float*>(table.data) + row_of(table, r) * dim;
}

/// A row of the token table, converted to f32 as it is read.
template <EmbedType kType>
struct TokenRow;

template <>
struct TokenRow<EmbedType::kF32> {
  const float* x;
  LW_INLINE TokenRow(const EmbedTable& table, size_t r, size_t dim) noexcept
      : x(f32_row(table, r, dim)) {}
  LW_INLINE f32x16 at(size_t i) const noexcept { return load(x + i); }
  LW_INLINE f32x16 last(size_t i, size_t n) const noexcept { return load_first(x + i, n); }
};

template <>
struct TokenRow<EmbedType::kBF16> {
  const uint16_t* x;
  LW_INLINE TokenRow(const EmbedTable& table, size_t r, size_t dim) noexcept
      : x(static_cast<const uint16_t*>(table.data) + row_of(table, r) * dim) {}
  LW_INLINE f32x16 at(size_t i) const noexcept { return last(i, kLanes); }
  LW_INLINE f32x16 last(size_t i, size_t n) const noexcept {
    uint32_t bits[kLanes] = {};
    for (size_t j = 0; j < n; ++j) bits[j] = static_cast<uint32_t>(x[i + j]) << 16;
    float y[kLanes];
    std::memcpy(y, bits, sizeof(y));
    return load(y);
  }
};

template <>
struct TokenRow<EmbedType::kI8> {
  const int8_t* x;
  float scale;
  LW_INLINE TokenRow(const EmbedTable& table, size_t r, size_t dim) noexcept
      : x(static_cast<const int8_t*>(table.data) + row_of(table, r) * dim),
        scale(table.scale[row_of(table, r)]) {}
  LW_INLINE f32x16 at(size_t i) const noexcept { return last(i, kLanes); }
  LW_INLINE f32x16 last(size_t i, size_t n) const noexcept {
    float y[kLanes] = {};
    for (size_t j = 0; j < n; ++j) y[j] = static_cast<float>(x[i + j]);
    return load(y) * broadcast(scale);
  }
};

/// Without a position or a type, its pointer is not read.
template <bool kHasPosition, bool kHasType>
LW_INLINE f32x16 sum(const f32x16& token, const f32x16& scale, const f32x16& position,
                     const f32x16& type) noexcept {
  const f32x16 placed = kHasPosition ? fma(scale, token, position) : scale * token;
  return kHasType ? placed + type : placed;
}

template <EmbedType kToken, bool kHasPosition, bool kHasType>
void embed_rows(const EmbedBlock& block) noexcept {
  const size_t dim = block.dim;
  const f32x16 scale = broadcast(block.scale);
  for (size_t r = 0; r < block.rows; ++r) {
    const TokenRow<kToken> token(block.token, r, dim);
    const float* position = kHasPosition ? f32_row(block.position, r, dim) : nullptr;
    const float* type = kHasType ? f32_row(block.type, r, dim) : nullptr;
    float* y = block.y + r * block.y_stride;
    size_t i = 0;
    for (; i + kLanes <= dim; i += kLanes) {
      const f32x16 p = kHasPosition ? load(position + i) : zero();
      const f32x16 t = kHasType ? load(type + i) : zero();
      store(y + i, sum<kHasPosition, kHasType>(token.at(i), scale, p, t));
    }
    const size_t left = dim - i;
    if (left == 0) continue;
    const f32x16 p = kHasPosition ? load_first(position + i, left) : zero();
    const f32x16 t = kHasType ? load_first(type + i, left) : zero();
    const f32x16 last = token.last(i, left);
    store_first(y + i, sum<kHasPosition, kHasType>(last, scale, p, t), left);
  }
}

template <EmbedType kToken>
void embed_tokens(const EmbedBlock& block) noexcept {
  if (block.position.data == nullptr) {
    block.type.data == nullptr ? embed_rows<kToken, false, false>(block)
                               : embed_rows<kToken, false, true>(block);
  } else {
    block.type.data == nullptr ? embed_rows<kToken, true, false>(block)
                               : embed_rows<kToken, true, true>(block);
  }
}

void embed(const EmbedBlock& block) noexcept {
  switch (block.token.type) {
    case EmbedType::kF32:
      return embed_tokens<EmbedType::kF32>(block);
    case EmbedType::kBF16:
      return embed_tokens<EmbedType::kBF16>(block);
    case EmbedType::kI8:
      return embed_tokens<EmbedType::kI8>(block);
  }
}

}  // namespace

LW_KERNELS(EmbedKernels, embed_kernels){embed};

}  // namespace lanewise::ops::LW_ISA_NAME
