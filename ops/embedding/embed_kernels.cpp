#include "ops/embedding/embed_kernels.hpp"

#include "ops/dcheck.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

LW_INLINE const float* row_of(const EmbedTable& table, size_t r, size_t dim) noexcept {
  const int64_t index =
      table.index == nullptr ? static_cast<int64_t>(r) : int64_t{table.index[r * table.stride]};
  const int64_t row = index + table.first;
  LW_DCHECK(row >= 0 && row < table.rows);
  return table.data + static_cast<size_t>(row) * dim;
}

/// Without a position or a type, what stands for it is not read.
template <bool kHasPosition, bool kHasType>
LW_INLINE f32x16 sum(const f32x16& token, const f32x16& scale, const f32x16& position,
                     const f32x16& type) noexcept {
  const f32x16 placed = kHasPosition ? fma(scale, token, position) : scale * token;
  return kHasType ? placed + type : placed;
}

template <bool kHasPosition, bool kHasType>
void embed_rows(const EmbedBlock& block) noexcept {
  const size_t dim = block.dim;
  const f32x16 scale = broadcast(block.scale);
  for (size_t r = 0; r < block.rows; ++r) {
    const float* token = row_of(block.token, r, dim);
    const float* position = kHasPosition ? row_of(block.position, r, dim) : nullptr;
    const float* type = kHasType ? row_of(block.type, r, dim) : nullptr;
    float* y = block.y + r * block.y_stride;
    size_t i = 0;
    for (; i + kLanes <= dim; i += kLanes) {
      const f32x16 p = kHasPosition ? load(position + i) : zero();
      const f32x16 t = kHasType ? load(type + i) : zero();
      store(y + i, sum<kHasPosition, kHasType>(load(token + i), scale, p, t));
    }
    const size_t left = dim - i;
    if (left == 0) continue;
    const f32x16 p = kHasPosition ? load_first(position + i, left) : zero();
    const f32x16 t = kHasType ? load_first(type + i, left) : zero();
    const f32x16 last = load_first(token + i, left);
    store_first(y + i, sum<kHasPosition, kHasType>(last, scale, p, t), left);
  }
}

void embed(const EmbedBlock& block) noexcept {
  if (block.position.data == nullptr) {
    block.type.data == nullptr ? embed_rows<false, false>(block) : embed_rows<false, true>(block);
  } else {
    block.type.data == nullptr ? embed_rows<true, false>(block) : embed_rows<true, true>(block);
  }
}

}  // namespace

LW_KERNELS(EmbedKernels, embed_kernels){embed};

}  // namespace lanewise::ops::LW_ISA_NAME
