#pragma once

/// Products of rounded rows with blocks of weights, for block_kernels.cpp.

#include "ops/simd_codes.hpp"
#include "ops/weights/blocks/block_panels.hpp"
#include "ops/weights/linear_sums.hpp"
#include "ops/weights/quantize_row.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

constexpr size_t kSteps = kBlockInputs / 4;
constexpr size_t kUnpackedBlock = kBlockInputs * kPanel;

// Whether 32 bits take the sum of each product of four bytes, of any size; otherwise pairs of
// products are added in 16 bits.
constexpr bool kWideSums = LW_HAS_VNNI || kParts == 4;

/// The products of four that fit in 16 bits, for codes of so many bits and bytes of any value; 0 if
/// not even one does. kSteps where it makes no difference, so that kernels are the same.
constexpr size_t small_products(size_t bits) noexcept {
  if (kWideSums || bits <= 4) return kSteps;
  return bits == 5 ? 4 : bits == 6 ? 2 : 0;
}
static_assert(kSmallDots == kSteps);

/// The start of a panel.
struct PackedPanel {
  const uint8_t* codes;
  const uint8_t* scales;

  static PackedPanel of(const BlockPanels& w, size_t panel) noexcept {
    return {reinterpret_cast<const uint8_t*>(w.codes + panel * w.panel_bytes),
            reinterpret_cast<const uint8_t*>(w.scales + panel * w.panel_scale_bytes)};
  }
};

/// Where panels are unpacked to.
struct Unpacked {
  float* factors;  // [panels][kUnpackedFactors]
  uint8_t* codes;  // [panels][panel_bytes]
  size_t panel_bytes;
};

struct BlockRange {
  size_t begin;
  size_t end;
};

/// Lines to prefetch, so many in each block.
struct ComingLines {
  const std::byte* at;
  size_t per_block;

  LW_INLINE void ask() noexcept {
    for (size_t i = 0; i < per_block; ++i, at += kLineBytes) __builtin_prefetch(at);
  }
};

/// Some blocks of a few rows and panels.
struct BlockTile {
  const uint8_t* x;  // rounded rows, of block 0
  size_t stride;     // bytes between them
  PackedPanel w;     // packed: of block 0. Unpacked: of the first one.
  size_t panel_bytes;
  size_t panel_scale_bytes;
  BlockRange blocks;
  float* sums;  // [rows][panels][16]
  bool first;   // starts the sums instead of adding
  ComingLines coming;
};

/// What IQ4's codes stand for, 128 larger.
alignas(16) constexpr uint8_t kTableCodes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                 129, 141, 153, 166, 181, 197, 217, 241};

/// Weights as they are stored.
template <BlockKind kKind>
struct PackedSource {
  static constexpr BlockTraits kTraits = traits_of(kKind);
  static constexpr size_t kGroups = kBlockInputs / kTraits.group;  // of 32 inputs
  static constexpr bool kHasMinimum = kTraits.has_minimum;
  static constexpr size_t kCodeBytes = kTraits.code_bytes();
  static constexpr bool kIsBytes = kTraits.bits == 8;
  /// Of the codes that are multiplied: small_products(), and the code of zero.
  static constexpr size_t kRun = small_products(kTraits.is_table() ? 8 : kTraits.bits);
  static constexpr int kZero = kTraits.is_table() ? 128 : kTraits.zero;
  static constexpr bool kIsPacked = true;

  template <size_t kStep, size_t kPlane>
  LW_INLINE static u8x64 plane(const uint8_t* codes) noexcept {
    constexpr CodePlane kOf = kTraits.plane(kPlane);
    constexpr auto kMask = static_cast<uint8_t>(((1u << kOf.width) - 1u) << kOf.low);
    constexpr int kRight = static_cast<int>(kOf.shift(kStep)) - static_cast<int>(kOf.low);
    const u8x64 bytes = load(codes + kOf.vector_at(kStep));
    if constexpr (kMask == 255) return bytes;
    return bits_of_bytes<kRight, kMask>(bytes);
  }

  /// The codes of 4 inputs of a block.
  template <size_t kStep>
  LW_INLINE static u8x64 codes(const uint8_t* block) noexcept {
    u8x64 r = plane<kStep, 0>(block);
    if constexpr (kTraits.planes() == 2) r = r | plane<kStep, 1>(block);
    if constexpr (kTraits.is_table()) r = look_up(kTableCodes, r);
    return r;
  }

  static constexpr size_t kBlocks = kTraits.elements / kBlockInputs;

  /// The scales of a panel's block of `elements` inputs.
  LW_INLINE static const uint8_t* numbers(const uint8_t* scales, size_t block) noexcept {
    return scales + block / kBlocks * kTraits.scale_bytes();
  }
  /// The bytes of one of its groups.
  LW_INLINE static const uint8_t* group(const uint8_t* scales, size_t block, size_t g) noexcept {
    const size_t index = block % kBlocks * kGroups + g;
    return numbers(scales, block) + (kHasMinimum ? 64 : 32) + index * kTraits.group_bytes();
  }
  LW_INLINE static f32x16 half(const uint8_t* p) noexcept {
    return load_f16(reinterpret_cast<const uint16_t*>(p));
  }

  /// The factors of group g of a block of a panel with these scales.
  LW_INLINE static f32x16 scale(const uint8_t* scales, size_t block, size_t g) noexcept {
    const f32x16 d = half(numbers(scales, block));
    if constexpr (!kTraits.has_group_scales()) return d;
    const uint8_t* at = group(scales, block, g);
    if constexpr (kTraits.shares_bytes()) return d * load_low_nibbles_as_f32(at);
    return d * (kHasMinimum ? load_u8_as_f32(at) : load_i8_as_f32(at));
  }
  LW_INLINE static f32x16 minimum(const uint8_t* scales, size_t block, size_t g) noexcept {
    const f32x16 m = half(numbers(scales, block) + 32);
    if constexpr (!kTraits.has_group_scales()) return m;
    const uint8_t* at = group(scales, block, g);
    const f32x16 negative = broadcast(-1.0f) * m;
    if constexpr (kTraits.shares_bytes()) return negative * load_high_nibbles_as_f32(at);
    return negative * load_u8_as_f32(at + 16);
  }
};

/// Weights as bytes, their scales and minimums as f32, whatever they were stored as.
template <size_t kOfGroups, size_t kOfRun, bool kOfMinimum>
struct UnpackedBytes {
  static constexpr size_t kGroups = kOfGroups;
  static constexpr bool kHasMinimum = kOfMinimum;
  static constexpr size_t kCodeBytes = kUnpackedBlock;
  static constexpr size_t kRun = kOfRun;
  static constexpr bool kIsPacked = false;

  template <size_t kStep>
  LW_INLINE static u8x64 codes(const uint8_t* block) noexcept {
    return load(block + kStep * 4 * kPanel);
  }
  LW_INLINE static const float* factors(const uint8_t* scales, size_t block, size_t g) noexcept {
    const size_t each = kHasMinimum ? 2 : 1;
    return reinterpret_cast<const float*>(scales) + (block * kGroups + g) * each * kLanes;
  }
  LW_INLINE static f32x16 scale(const uint8_t* scales, size_t block, size_t g) noexcept {
    return load(factors(scales, block, g));
  }
  LW_INLINE static f32x16 minimum(const uint8_t* scales, size_t block, size_t g) noexcept {
    return load(factors(scales, block, g) + kLanes);
  }
};

template <typename Packed>
using UnpackedSource = UnpackedBytes<Packed::kGroups, Packed::kRun, Packed::kHasMinimum>;

template <typename From, size_t kStep = 0>
LW_INLINE void unpack_steps(const uint8_t* block, uint8_t* to) noexcept {
  store(to + kStep * 4 * kPanel, From::template codes<kStep>(block));
  if constexpr (kStep + 1 < kSteps) unpack_steps<From, kStep + 1>(block, to);
}

/// A block of a rounded row, for codes of that source: bytes, the scale, and for each group what its
/// sums start with, or the sum of its inputs.
template <typename Source>
struct RoundedBlock {
  /// As magnitudes and masks (ByteQuad): products of 8 bits overflow 16 otherwise. The masks also
  /// flip the highest bit, which makes codes signed.
  static constexpr bool kIsQuads = Source::kRun == 0;
  static constexpr size_t kStepBytes = kIsQuads ? kQuadBytes : 4;
  static constexpr size_t kScaleAt = kSteps * kStepBytes;
  static constexpr size_t kGroupsAt = kScaleAt + sizeof(float);
  static constexpr size_t kBytes = kGroupsAt + Source::kGroups * sizeof(float);
};

/// Where rows are: sums of few distances, which the compiler cannot see through, so that they stay
/// in registers (GCC 12 otherwise moves them to vector registers and back).
struct RowPlaces {
  size_t one;
  size_t three;
  size_t five;
  size_t seven;

  LW_INLINE static RowPlaces of(size_t stride) noexcept {
    RowPlaces r{stride, 3 * stride, 5 * stride, 7 * stride};
    __asm__("" : "+r"(r.three), "+r"(r.five), "+r"(r.seven));
    return r;
  }
  LW_INLINE size_t of_row(size_t r) const noexcept {
    return r == 3 ? three : r == 5 ? five : r == 6 ? 2 * three : r == 7 ? seven : r * one;
  }
};

/// The products of one step, added in 32 bits, or in 16 bits that become part of the sum in time.
template <typename Source, size_t kBegin, size_t kEnd, size_t kStep = kBegin, size_t kRows,
          size_t kPanels>
LW_INLINE void multiply_steps(const BlockTile& tile, const uint8_t* codes, const uint8_t* x,
                              const RowPlaces& rows, i32x16 (&sum)[kRows][kPanels],
                              SmallSums (&small)[kRows][kPanels]) noexcept {
  using Form = RoundedBlock<Source>;
  u8x64 w[kPanels];
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    w[p] = Source::template codes<kStep>(codes + p * tile.panel_bytes);
  }
  if constexpr (Form::kIsQuads) {
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const ByteQuad quad = broadcast_quad(x + rows.of_row(r) + kStep * Form::kStepBytes);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        sum[r][p] = dot(quad, as_signed(w[p]), sum[r][p]);
        keep_order(sum[r][p]);
      }
    }
  } else {
    constexpr size_t kInRun = (kStep - kBegin) % Source::kRun;
    constexpr bool kStarts = kInRun == 0;
    constexpr bool kEnds = kInRun == Source::kRun - 1 || kStep + 1 == kEnd;
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const IntPart bytes = broadcast_bytes(x + rows.of_row(r) + kStep * Form::kStepBytes);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        if constexpr (kWideSums) {
          LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
            sum[r][p].part[i] = small_dot_part(w[p].part[i], bytes, sum[r][p].part[i]);
          }
        } else {
          small[r][p] = small_dot(w[p], bytes, kStarts ? no_small_sums() : small[r][p]);
          if constexpr (kEnds) {
            sum[r][p] = sum[r][p] + widen(small[r][p]);
            keep_order(sum[r][p]);
          }
        }
      }
    }
  }
  if constexpr (kStep + 1 < kEnd) {
    multiply_steps<Source, kBegin, kEnd, kStep + 1>(tile, codes, x, rows, sum, small);
  }
}

template <typename T>
LW_INLINE T number_at(const uint8_t* p) noexcept {
  T number;
  std::memcpy(&number, p, sizeof(number));
  return number;
}

/// Adds group g of a block. `x`: of the first row. `total`: the sums, if they are kept in registers.
template <typename Source, bool kHeld, size_t kGroup, size_t kRows, size_t kPanels>
LW_INLINE void add_group(const BlockTile& tile, const uint8_t* codes, size_t block,
                         const uint8_t* x, const RowPlaces& rows,
                         f32x16 (&total)[kRows][kPanels]) noexcept {
  using Form = RoundedBlock<Source>;
  constexpr size_t kGroupSteps = kSteps / Source::kGroups;
  constexpr size_t kGroupAt = Form::kGroupsAt + kGroup * sizeof(float);
  i32x16 sum[kRows][kPanels];
  SmallSums small[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    int32_t start = 0;
    if constexpr (!Source::kHasMinimum) start = number_at<int32_t>(x + rows.of_row(r) + kGroupAt);
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = broadcast_i32(start);
  }
  multiply_steps<Source, kGroup * kGroupSteps, (kGroup + 1) * kGroupSteps>(tile, codes, x, rows,
                                                                           sum, small);
  f32x16 scale[kPanels];
  f32x16 minimum[kPanels];
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    const uint8_t* scales = tile.w.scales + p * tile.panel_scale_bytes;
    scale[p] = Source::scale(scales, block, kGroup);
    if constexpr (Source::kHasMinimum) minimum[p] = Source::minimum(scales, block, kGroup);
  }
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    const uint8_t* of_x = x + rows.of_row(r);
    const f32x16 x_scale = broadcast(number_at<float>(of_x + Form::kScaleAt));
    f32x16 x_sum;
    if constexpr (Source::kHasMinimum) x_sum = broadcast(number_at<float>(of_x + kGroupAt));
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      float* to = tile.sums + (r * kPanels + p) * kLanes;
      f32x16 of_row = kHeld ? total[r][p] : load(to);
      of_row = fma(to_f32(sum[r][p]), x_scale * scale[p], of_row);
      if constexpr (Source::kHasMinimum) of_row = fma(x_sum, minimum[p], of_row);
      if constexpr (kHeld) {
        total[r][p] = of_row;
      } else {
        store(to, of_row);
      }
    }
  }
}

/// Whether sums stay in registers, beside those of the integers and some operands.
template <size_t kRows, size_t kPanels>
constexpr bool holds_totals() noexcept {
  return (2 * kRows * kPanels + kPanels + 1) * kParts + 3 <= (kParts == 1 ? 32 : 16);
}

template <typename Source, size_t kRows, size_t kPanels>
void multiply_tile(const BlockTile& given) noexcept {
  // A copy, which no store of sums can alias: the compiler keeps it in registers.
  const BlockTile tile = given;
  constexpr bool kHeld = holds_totals<kRows, kPanels>();
  f32x16 total[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      float* sums = tile.sums + (r * kPanels + p) * kLanes;
      if constexpr (kHeld) total[r][p] = tile.first ? zero() : load(sums);
      if (!kHeld && tile.first) store(sums, zero());
    }
  }
  const size_t first = Source::kIsPacked ? 0 : tile.blocks.begin;
  const uint8_t* codes = tile.w.codes + (tile.blocks.begin - first) * Source::kCodeBytes;
  const uint8_t* x = tile.x + tile.blocks.begin * RoundedBlock<Source>::kBytes;
  const RowPlaces rows = RowPlaces::of(tile.stride);
  ComingLines coming = tile.coming;
  for (size_t b = tile.blocks.begin; b < tile.blocks.end; ++b) {
    coming.ask();
    add_group<Source, kHeld, 0>(tile, codes, b - first, x, rows, total);
    if constexpr (Source::kGroups == 2) {
      add_group<Source, kHeld, 1>(tile, codes, b - first, x, rows, total);
    }
    codes += Source::kCodeBytes;
    x += RoundedBlock<Source>::kBytes;
  }
  if constexpr (kHeld) {
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        store(tile.sums + (r * kPanels + p) * kLanes, total[r][p]);
      }
    }
  }
}

/// The most rows of a tile, and its panels.
struct TileShape {
  size_t rows;
  size_t panels;
};

// Registers determine the shape of tiles: with AVX-512 both the integer sums of a group and the sums
// over groups stay in them. (8 rows with the latter in memory: 7 % slower, 6 rows x 2 panels: 2 %,
// Zen 4.)
#if defined(__AVX512F__)
template <typename Source>
constexpr TileShape kTileShape{4, 3};
constexpr size_t kFewRowPanels = 4;
#elif defined(__AVX2__)
// Bytes without VNNI take four instructions for each product, so broadcasts are shared, as for i8.
template <typename Source>
constexpr TileShape kTileShape =
    Source::kRun == 0 ? TileShape{3, 2} : TileShape{LW_HAS_VNNI ? 5 : 4, 1};
constexpr size_t kFewRowPanels = 2;
#else
template <typename Source>
constexpr TileShape kTileShape{2, 1};
constexpr size_t kFewRowPanels = 1;
#endif
static_assert(kFewRowPanels <= kMostBlockPanels);

// Up to this many rows read packed weights. For more, weights are unpacked once for all of them.
constexpr size_t kFewRows = 2;

using TileFunction = void (*)(const BlockTile&) noexcept;

/// Tiles of up to kMaxRows rows and either kAtOnce panels or, at the end, one.
template <typename From>
struct BlockTiles {
  using Source = From;
  static constexpr size_t kMaxRows = kTileShape<From>.rows;
  static constexpr size_t kMinRows = kMaxRows / 2 <= kFewRows ? kMaxRows / 2 : kFewRows + 1;
  static constexpr size_t kAtOnce = kTileShape<From>.panels;
  static_assert(kAtOnce <= kMostBlockPanels);
};

template <typename From>
struct FewRowTiles {
  using Source = From;
  static constexpr size_t kMaxRows = kFewRows;
  static constexpr size_t kMinRows = 1;
  static constexpr size_t kAtOnce = kFewRowPanels;
};

template <typename Tiles>
struct TileTable {
  TileFunction at_once[Tiles::kMaxRows + 1];
  TileFunction one[Tiles::kMaxRows + 1];
};

template <typename Tiles, size_t kRows = Tiles::kMaxRows>
constexpr void add_tiles(TileTable<Tiles>& table) {
  table.at_once[kRows] = multiply_tile<typename Tiles::Source, kRows, Tiles::kAtOnce>;
  table.one[kRows] = multiply_tile<typename Tiles::Source, kRows, 1>;
  if constexpr (kRows > Tiles::kMinRows) add_tiles<Tiles, kRows - 1>(table);
}

template <typename Tiles>
constexpr TileTable<Tiles> tile_table() {
  TileTable<Tiles> table = {};
  add_tiles<Tiles>(table);
  return table;
}

/// Rounds 32 numbers: the scale, and the factor that makes them integers.
struct BlockScale {
  float scale;
  float factor;

  LW_INLINE static BlockScale of(const f32x16& a, const f32x16& b) noexcept {
    const float most = largest_magnitude(a, b);
    const float scale = most * (1.0f / 127.0f);
    if (scale < 1e-38f) return {0.0f, 0.0f};  // 1 / scale would be infinite
    // Infinity and NaN make the scale NaN, and with it all results.
    return {(most - most) + scale, 127.0f / most};
  }
};

/// Copies the quads of a block, with masks that also flip the highest bit.
LW_INLINE void copy_quads(const uint8_t* from, uint8_t* to) noexcept {
  for (size_t i = 0; i < kSteps; ++i) {
    uint64_t quad;
    std::memcpy(&quad, from + i * sizeof(quad), sizeof(quad));
    quad ^= 0x8080808000000000u;
    std::memcpy(to + i * sizeof(quad), &quad, sizeof(quad));
  }
}

/// Writes a block: 32 signed bytes, and what products need besides.
template <typename Source>
LW_INLINE void write_block(const uint8_t* bytes, float scale, uint8_t* to) noexcept {
  using Form = RoundedBlock<Source>;
  std::memcpy(to + Form::kScaleAt, &scale, sizeof(scale));
  LW_UNROLL for (size_t g = 0; g < Source::kGroups; ++g) {
    const int32_t sum =
        Source::kGroups == 1 ? sum_of_32_bytes(bytes) : sum_of_16_bytes(bytes + 16 * g);
    uint8_t* of_group = to + Form::kGroupsAt + g * sizeof(float);
    if constexpr (Source::kHasMinimum) {
      const float x_sum = scale * static_cast<float>(sum);
      std::memcpy(of_group, &x_sum, sizeof(x_sum));
    } else {
      const int32_t start = Form::kIsQuads ? sum_of_32_negative(bytes) : -Source::kZero * sum;
      std::memcpy(of_group, &start, sizeof(start));
    }
  }
  if constexpr (!Form::kIsQuads) std::memcpy(to, bytes, kBlockInputs);
}

/// Rounds row r of a block after its norm.
template <typename Source>
void round_row(const LinearBlock& block, size_t r, float* normalized, std::byte* to) noexcept {
  using Form = RoundedBlock<Source>;
  const float* x = block.x + r * block.x_stride;
  if (block.norm.kind != NormKind::kNone) {
    normalize_row(block.norm, x, block.k, normalized);
    x = normalized;
  }
  auto* out = reinterpret_cast<uint8_t*>(to);
  const size_t blocks = block.k / kBlockInputs;
  for (size_t b = 0; b < blocks; b += 2, x += 2 * kBlockInputs) {
    const bool has_second = b + 1 < blocks;
    f32x16 part[4] = {load(x), load(x + kLanes), zero(), zero()};
    if (has_second) part[2] = load(x + 2 * kLanes);
    if (has_second) part[3] = load(x + 3 * kLanes);
    const BlockScale of[2] = {BlockScale::of(part[0], part[1]), BlockScale::of(part[2], part[3])};
    LW_UNROLL for (size_t i = 0; i < 4; ++i) part[i] = part[i] * broadcast(of[i / 2].factor);
    const i8x64 rounded = round_to_bytes(part);
    alignas(64) uint8_t plain[2 * kBlockInputs];
    store(plain, rounded);
    alignas(64) uint8_t quads[2 * kSteps * kQuadBytes];
    NegativeSum unused;
    if constexpr (Form::kIsQuads) store_quads(quads, rounded, unused);
    for (size_t i = 0; i < (has_second ? 2 : 1); ++i, out += Form::kBytes) {
      write_block<Source>(plain + i * kBlockInputs, of[i].scale, out);
      if constexpr (Form::kIsQuads) {
        copy_quads(quads + i * kSteps * kQuadBytes, out);
      }
    }
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
