#include "ops/weights/bf16/bf16_kernels.hpp"

#include "ops/simd_bf16.hpp"
#include "ops/weights/linear_prepared.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

#if LW_HAS_BF16_DOT
template <size_t kRows, size_t kPanels, bool kAsksAhead>
void multiply_tile(const PreparedTile& tile) noexcept {
  f32x16 sum[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = zero();
  }
  const size_t panel_stride = tile.panel_bytes / sizeof(uint16_t);
  const size_t x_stride = tile.x_stride / sizeof(uint16_t);
  const auto* w = reinterpret_cast<const uint16_t*>(tile.w);
  const auto* x = reinterpret_cast<const uint16_t*>(tile.x);
  const uint16_t* const end = x + tile.k;
  NextWeights next = tile.next;
  for (; x < end; w += 2 * kLanes, x += 2) {
    if (kAsksAhead) next.ask<kPanels>(tile.panel_bytes);
    if constexpr (kRows < kPanels) {
      bf16x32 value[kRows];
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) value[r] = broadcast_bf16_pair(x + r * x_stride);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        const bf16x32 weights = load_bf16(w + p * panel_stride);
        LW_UNROLL for (size_t r = 0; r < kRows; ++r) sum[r][p] = dot(value[r], weights, sum[r][p]);
      }
    } else {
      bf16x32 weights[kPanels];
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) weights[p] = load_bf16(w + p * panel_stride);
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        const bf16x32 value = broadcast_bf16_pair(x + r * x_stride);
        LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
          sum[r][p] = dot(value, weights[p], sum[r][p]);
        }
      }
    }
  }
  store_sums<float>(sum, tile);
}
#else
template <size_t kRows, size_t kPanels>
LW_INLINE void add_step(const f32x16 (&weights)[kPanels], const float* x, size_t x_stride,
                        f32x16 (&sum)[kRows][kPanels]) noexcept {
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    const f32x16 value = broadcast(x[r * x_stride]);
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = fma(value, weights[p], sum[r][p]);
  }
}

template <size_t kRows, size_t kPanels, bool kAsksAhead>
void multiply_tile(const PreparedTile& tile) noexcept {
  f32x16 sum[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = zero();
  }
  const size_t panel_stride = tile.panel_bytes / sizeof(int32_t);
  const size_t x_stride = tile.x_stride / sizeof(float);
  const auto* w = reinterpret_cast<const int32_t*>(tile.w);
  const auto* x = reinterpret_cast<const float*>(tile.x);
  NextWeights next = tile.next;
  for (size_t k = 0; k < tile.k; k += 2, w += kLanes) {
    if (kAsksAhead) next.ask<kPanels>(tile.panel_bytes);
    i32x16 pairs[kPanels];
    f32x16 weights[kPanels];
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      pairs[p] = load(w + p * panel_stride);
      weights[p] = bf16_of_low_half(pairs[p]);
    }
    add_step(weights, x + k, x_stride, sum);
    if (k + 1 == tile.k) break;
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) weights[p] = bf16_of_high_half(pairs[p]);
    add_step(weights, x + k + 1, x_stride, sum);
  }
  store_sums<float>(sum, tile);
}
#endif

#if LW_HAS_BF16_DOT
void round_rows(const Bf16Block& block, float*, std::byte* rows, size_t stride,
                RowScale*) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    const float* x = block.x + r * block.x_stride;
    auto* y = reinterpret_cast<uint16_t*>(rows + r * stride);
    size_t k = 0;
    for (; k + kLanes <= block.k; k += kLanes) store_bf16(y + k, load(x + k));
    if (k < block.k) store_bf16(y + k, load_first(x + k, block.k - k));
  }
}
constexpr auto kRoundRows = round_rows;
#else
constexpr decltype(LinearBf16Kernels::round_rows) kRoundRows = nullptr;
#endif

struct Bf16Kind {
  // The tiles of f32 (f32_kernels.cpp), but with registers for unpacking pairs.
#if LW_HAS_BF16_DOT
  static constexpr size_t kRegisters = 32;
  static constexpr size_t kMaxRows = 8;
#else
  static constexpr size_t kRegisters = kParts == 1 ? 31 : 16;
  static constexpr size_t kMaxRows = kParts == 1 ? 12 : kParts == 2 ? 6 : 3;
#endif
  static constexpr size_t kMaxPanels = 8;
  static constexpr size_t kVectors = kParts;
  using Block = Bf16Block;
  using Rows = PreparedRows;
  using Tile = PreparedTile;
  struct Constants {};
  struct Factors {
    f32x16 bias;
  };

  template <size_t kRows, size_t kPanels>
  static void multiply(const PreparedTile& tile) noexcept {
    multiply_tile<kRows, kPanels, asks_ahead<Bf16Kind>(kRows)>(tile);
  }

#if LW_HAS_BF16_DOT
  static PreparedRows prepare(const Bf16Block& block, std::byte* scratch) noexcept {
    const size_t stride = prepared_stride(block.k * sizeof(uint16_t));
    round_rows(block, nullptr, scratch, stride, nullptr);
    return {scratch, stride, nullptr};
  }
#else
  static PreparedRows prepare(const Bf16Block& block, std::byte*) noexcept {
    return {reinterpret_cast<const std::byte*>(block.x), block.x_stride * sizeof(float), nullptr};
  }
#endif

  static void begin(const Block&, size_t, size_t, Constants&, Tile&) noexcept {}
  static void set_rows(const Rows&, size_t, Tile&) noexcept {}
  static void prefetch_features(const Block&, size_t) noexcept {}

  LW_INLINE static Factors factors(const Block& block, const Constants&, size_t,
                                   const RowPart& features) noexcept {
    return {bias_of(block, features)};
  }

  LW_INLINE static f32x16 total(const std::byte* sums, const RowScale*,
                                const Factors& factors) noexcept {
    return load(reinterpret_cast<const float*>(sums)) + factors.bias;
  }
};

void multiply(const Bf16Block& block, std::byte* scratch) noexcept {
  multiply_blocks<Bf16Kind>(block, scratch);
}

}  // namespace

LW_KERNELS(LinearBf16Kernels, linear_bf16_kernels) = {
    multiply, Bf16Kind::kMaxRows, kRoundRows, finish_all_sums<Bf16Kind>, LW_HAS_BF16_DOT != 0};

}  // namespace lanewise::ops::LW_ISA_NAME
