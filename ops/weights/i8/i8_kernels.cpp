#include "ops/weights/i8/i8_kernels.hpp"

#include "ops/weights/linear_prepared.hpp"
#include "ops/weights/quantize_row.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

struct I8Tile : PreparedTile {
  const int32_t* init;      // [panels][16], initial sums by column, or ...
  const int32_t* row_sums;  // ... [rows], by row
};

template <size_t kRows, size_t kPanels, bool kAsksAhead>
void multiply_tile(const I8Tile& tile) noexcept {
  i32x16 sum[kRows][kPanels];
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      sum[r][p] = kColumnsBegin ? load(tile.init + p * kLanes) : broadcast_i32(tile.row_sums[r]);
    }
  }
  const size_t panel_bytes = tile.panel_bytes;
  const size_t x_stride = tile.x_stride;
  const auto* w = reinterpret_cast<const int8_t*>(tile.w);
  const auto* x = reinterpret_cast<const uint8_t*>(tile.x);
  const uint8_t* const end = x + (tile.k + 3) / 4 * kQuadBytes;
  NextWeights next = tile.next;
  for (; x < end; w += 4 * kLanes, x += kQuadBytes) {
    if (kAsksAhead) next.ask<kPanels>(panel_bytes);
    if constexpr (kQuadBytes / 4 * kRows < kPanels * kParts) {
      ByteQuad value[kRows];
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) value[r] = broadcast_quad(x + r * x_stride);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        const i8x64 weights = load(w + p * panel_bytes);
        LW_UNROLL for (size_t r = 0; r < kRows; ++r) sum[r][p] = dot(value[r], weights, sum[r][p]);
      }
    } else {
      i8x64 weights[kPanels];
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) weights[p] = load(w + p * panel_bytes);
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        const ByteQuad value = broadcast_quad(x + r * x_stride);
        LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
          sum[r][p] = dot(value, weights[p], sum[r][p]);
        }
      }
    }
  }
  store_sums<int32_t>(sum, tile);
}

// A dot product takes 4 to 5 cycles and one or two start in each, so a tile of few rows covers
// several panels. With VNNI in 512 bits everything, including the shape, is as for f32
// (f32_kernels.cpp). Without VNNI a product is four instructions, of which only the last, an
// addition, waits for the previous product, so the number of other instructions matters: panels
// share broadcasts. AVX2 then has no registers left for weights and reads them where they are used.
struct I8Kind {
#if defined(__AVX512VNNI__)
  static constexpr size_t kRegisters = 32;
  static constexpr size_t kMaxRows = 8;
#elif defined(__AVX512F__)
  static constexpr size_t kRegisters = 29;
  static constexpr size_t kMaxRows = 12;
#elif defined(__AVXVNNI__)
  static constexpr size_t kRegisters = 16;
  static constexpr size_t kMaxRows = 6;
#elif defined(__AVX2__)
  static constexpr size_t kRegisters = 16;
  static constexpr size_t kMaxRows = 3;
#else
  static constexpr size_t kRegisters = 16;
  static constexpr size_t kMaxRows = 2;
#endif
  static constexpr size_t kMaxPanels = LW_HAS_VNNI ? 8 : 4;
  static constexpr size_t kVectors = kParts;
  using Block = I8Block;
  using Rows = RoundedRows;
  using Tile = I8Tile;
  struct Constants {
    alignas(64) int32_t init[kMaxPanels * kLanes];  // initial sums by column
    alignas(64) float total[kMaxPanels * kLanes];   // the sum of the weights
  };
  struct Factors {
    f32x16 scale;
    f32x16 total;
    f32x16 bias;
  };

  template <size_t kRows, size_t kPanels>
  static void multiply(const I8Tile& tile) noexcept {
    multiply_tile<kRows, kPanels, asks_ahead<I8Kind>(kRows)>(tile);
  }

  static Rows prepare(const Block& block, std::byte* scratch) noexcept {
    const RowsScratch to(block, rounded_inputs(block.k) / 4 * kQuadBytes, scratch);
    for (size_t r = 0; r < block.rows; ++r) {
      ByteQuads row{to.row(r)};
      to.scale[r] = prepare_row(block, block.w.input_scale, r, to.normalized, row);
      to.sums[r] = row.negative.total();
    }
    return {{to.rows, to.stride, to.scale}, to.sums, 1};
  }

  /// Sets the initial sums of the columns: -128 * sum(w) if q is stored as q + 128.
  static void begin(const Block& block, size_t panel, size_t panels, Constants& constants,
                    Tile& tile) noexcept {
    tile.init = constants.init;
    for (size_t p = 0; p < panels; ++p) {
      const RowPart features = RowPart::of((panel + p) * kPanel, block.n);
      const int32_t* from = block.w.sum + features.begin;
      const i32x16 sum = features.count == kLanes ? load(from) : load_first(from, features.count);
      if (kColumnsBegin) {
        store(constants.init + p * kLanes, broadcast_i32(0) - shift_left<7>(sum));
      }
      store(constants.total + p * kLanes, to_f32(sum) * features.from(block.w.scale));
    }
  }

  static void set_rows(const Rows& x, size_t row, Tile& tile) noexcept {
    tile.row_sums = x.sums + row;
  }

  LW_INLINE static void prefetch_features(const Block& block, size_t n) noexcept {
    prefetch(reinterpret_cast<const float*>(block.w.sum + n));
    prefetch(block.w.scale + n);
  }

  LW_INLINE static Factors factors(const Block& block, const Constants& constants, size_t p,
                                   const RowPart& features) noexcept {
    return {features.from(block.w.scale), load(constants.total + p * kLanes),
            bias_of(block, features)};
  }

  /// sum_k (scale q + shift) (w_scale w) + bias
  LW_INLINE static f32x16 total(const std::byte* sums, const RowScale* x_scale,
                                const Factors& factors) noexcept {
    const f32x16 factor = broadcast(x_scale->scale) * factors.scale;
    const f32x16 rest = fma(broadcast(x_scale->shift), factors.total, factors.bias);
    return fma(to_f32(load(reinterpret_cast<const int32_t*>(sums))), factor, rest);
  }
};

void multiply(const I8Block& block, std::byte* scratch) noexcept {
  multiply_blocks<I8Kind>(block, scratch);
}

void round_rows(const I8Block& block, float* normalized, std::byte* rows, size_t stride,
                RowScale* scale) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    SignedBytes row{reinterpret_cast<uint8_t*>(rows + r * stride)};
    scale[r] = prepare_row(block, block.w.input_scale, r, normalized, row);
  }
}

}  // namespace

LW_KERNELS(LinearI8Kernels, linear_i8_kernels) = {multiply, I8Kind::kMaxRows, round_rows,
                                                  finish_all_sums<I8Kind>};

}  // namespace lanewise::ops::LW_ISA_NAME
