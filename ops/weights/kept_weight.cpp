#include "ops/weights/kept_weight.hpp"

#include "ops/weights/blocks/block_weight.hpp"
#include "ops/weights/half/half.hpp"

namespace lanewise::ops {

PackedWeight make_kept_weight(WeightFormat format, int64_t n, int64_t k) {
  const BlockFormat* blocks = blocks_of(format);
  return blocks == nullptr ? make_half_weight(format, n, k) : make_block_weight(*blocks, n, k);
}

int64_t kept_row_bytes(WeightFormat format, int64_t k) {
  const BlockFormat* blocks = blocks_of(format);
  return blocks == nullptr ? 2 * k : k / blocks->elements * blocks->bytes;
}

void put_kept_rows(PackedWeight& weight, int64_t first, int64_t count, const std::byte* rows) {
  if (blocks_of(weight.format) == nullptr) return put_half_rows(weight, first, count, rows);
  put_block_rows(weight, first, count, rows);
}

}  // namespace lanewise::ops
