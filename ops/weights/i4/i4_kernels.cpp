#include "ops/weights/i4/i4_kernels.hpp"

#include "ops/weights/linear_prepared.hpp"
#include "ops/weights/quantize_row.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// Inputs that can be added in 16 bits: 8 dot products of 4 (simd_integers.hpp). Groups are
// multiples of it.
constexpr size_t kRun = 4 * kSmallDots;

struct I4Tile : PreparedTile {
  const int32_t* row_sums;  // [rows, groups]
  size_t group;
  size_t groups;
  const float* scale;    // [panels][groups][16]
  const float* minimum;  // [panels][groups][16], or null
};

/// The sums of kRun inputs.
template <size_t kRows, size_t kPanels>
LW_INLINE void add_run(const uint8_t* w, size_t panel_bytes, const uint8_t* x, size_t x_stride,
                       SmallSums (&sum)[kRows][kPanels]) noexcept {
  // 64 bytes of a panel are 8 inputs: the low halves the first 4, the high halves the others.
  LW_UNROLL for (size_t step = 0; step < kRun / 8; ++step, w += 4 * kLanes, x += 8) {
    u8x64 low[kPanels];
    u8x64 high[kPanels];
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      const u8x64 bytes = load(w + p * panel_bytes);
      low[p] = low_nibbles(bytes);
      high[p] = high_nibbles(bytes);
    }
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const IntPart first = broadcast_bytes(x + r * x_stride);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        sum[r][p] = small_dot(low[p], first, sum[r][p]);
      }
      const IntPart second = broadcast_bytes(x + r * x_stride + 4);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        sum[r][p] = small_dot(high[p], second, sum[r][p]);
      }
    }
  }
}

/// Scales the sums of group g and adds them to those of earlier groups.
template <size_t kRows, size_t kPanels>
LW_INLINE void add_group(const I4Tile& tile, size_t g, const i32x16 (&group)[kRows][kPanels],
                         float* sums) noexcept {
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    const size_t at = (p * tile.groups + g) * kLanes;
    const f32x16 scale = load(tile.scale + at);
    const f32x16 minimum = tile.minimum == nullptr ? zero() : load(tile.minimum + at);
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const int32_t row_sum = tile.row_sums[r * tile.groups + g];
      float* to = sums + (p * kRows + r) * kLanes;
      f32x16 total = g == 0 ? zero() : load(to);
      if (tile.minimum == nullptr) {
        total = fma(to_f32(group[r][p] - broadcast_i32(8 * row_sum)), scale, total);
      } else {
        total = fma(broadcast(static_cast<float>(row_sum)), minimum, total);
        total = fma(to_f32(group[r][p]), scale, total);
      }
      store(to, total);
    }
  }
}

template <size_t kRows, size_t kPanels>
void multiply_tile(const I4Tile& tile) noexcept {
  const auto* w = reinterpret_cast<const uint8_t*>(tile.w);
  const auto* x = reinterpret_cast<const uint8_t*>(tile.x);
  auto* sums = reinterpret_cast<float*>(tile.sums);
  const size_t runs = tile.group / kRun;
  for (size_t g = 0; g < tile.groups; ++g) {
    i32x16 group[kRows][kPanels];
    for (size_t run = 0; run < runs; ++run, w += kRun * kLanes / 2, x += kRun) {
      SmallSums sum[kRows][kPanels];
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = no_small_sums();
      }
      add_run(w, tile.panel_bytes, x, tile.x_stride, sum);
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
          group[r][p] = run == 0 ? widen(sum[r][p]) : group[r][p] + widen(sum[r][p]);
        }
      }
    }
    add_group(tile, g, group, sums);
  }
}

/// sums[g] = sum of the bytes of group g. q is zero-padded to the end of the last group.
void sum_groups(const uint8_t* q, size_t groups, size_t group, int32_t* sums) noexcept {
  for (size_t g = 0; g < groups; ++g) {
    int32_t sum = 0;
    for (size_t i = 0; i < group; i += kRun) sum += sum_of_32_bytes(q + g * group + i);
    sums[g] = sum;
  }
}
static_assert(kRun == 32);

struct I4Kind {
  // The sums of a run stay in registers, those of the groups in memory, which each group updates
  // once.
#if defined(__AVX512F__)
  static constexpr size_t kRegisters = 28;
  static constexpr size_t kMaxRows = 12;
#elif defined(__AVX2__)
  static constexpr size_t kRegisters = 13;
  static constexpr size_t kMaxRows = 4;
#else
  static constexpr size_t kRegisters = 16;
  static constexpr size_t kMaxRows = 2;
#endif
  static constexpr size_t kMaxPanels = 4;
  static constexpr size_t kVectors = kParts;
  using Block = I4Block;
  using Rows = RoundedRows;
  using Tile = I4Tile;
  struct Constants {
    alignas(64) float total[kMaxPanels * kLanes];  // the sum of the weights
  };
  struct Factors {
    f32x16 total;
    f32x16 bias;
  };

  template <size_t kRows, size_t kPanels>
  static void multiply(const I4Tile& tile) noexcept {
    multiply_tile<kRows, kPanels>(tile);
  }

  static Rows prepare(const Block& block, std::byte* scratch) noexcept {
    const size_t group = block.w.group;
    const size_t groups = block.w.groups;
    const RowsScratch to(block, rounded_inputs(groups * group), scratch);
    for (size_t r = 0; r < block.rows; ++r) {
      SignedBytes row{to.row(r)};
      to.scale[r] = prepare_row(block, block.w.input_scale, r, to.normalized, row);
      const size_t rounded = rounded_inputs(block.k);
      if (rounded < groups * group) std::memset(row.q + rounded, 0, groups * group - rounded);
      sum_groups(row.q, groups, group, to.sums + r * groups);
    }
    return {{to.rows, to.stride, to.scale}, to.sums, groups};
  }

  static void begin(const Block& block, size_t panel, size_t panels, Constants& constants,
                    Tile& tile) noexcept {
    const size_t scales = panel * block.w.groups * kPanel;
    tile.group = block.w.group;
    tile.groups = block.w.groups;
    tile.scale = block.w.scale + scales;
    tile.minimum = block.w.minimum == nullptr ? nullptr : block.w.minimum + scales;
    for (size_t p = 0; p < panels; ++p) {
      const RowPart features = RowPart::of((panel + p) * kPanel, block.n);
      store(constants.total + p * kLanes, features.from(block.w.total));
    }
  }

  static void set_rows(const Rows& x, size_t row, Tile& tile) noexcept {
    tile.row_sums = x.sums + row * x.sums_per_row;
  }

  LW_INLINE static void prefetch_features(const Block& block, size_t n) noexcept {
    prefetch(block.w.total + n);
  }

  LW_INLINE static Factors factors(const Block& block, const Constants& constants, size_t p,
                                   const RowPart& features) noexcept {
    return {load(constants.total + p * kLanes), bias_of(block, features)};
  }

  /// sum_k (scale q + shift) w + bias
  LW_INLINE static f32x16 total(const std::byte* sums, const RowScale* x_scale,
                                const Factors& factors) noexcept {
    const f32x16 rest = fma(broadcast(x_scale->shift), factors.total, factors.bias);
    return fma(load(reinterpret_cast<const float*>(sums)), broadcast(x_scale->scale), rest);
  }
};

void multiply(const I4Block& block, std::byte* scratch) noexcept {
  multiply_blocks<I4Kind>(block, scratch);
}

}  // namespace

LW_KERNELS(LinearI4Kernels, linear_i4_kernels) = {multiply, I4Kind::kMaxRows};

}  // namespace lanewise::ops::LW_ISA_NAME
