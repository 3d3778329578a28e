#include "ops/linear/linear_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// Registers decide the shape of a tile: `rows` x `panels` accumulators, plus the panels' weights
// and one broadcast of x. An FMA takes 4 cycles and two start in each, so at least 8 registers
// must accumulate; few rows therefore walk several panels at once.
constexpr size_t kRegisters = kParts == 1 ? 32 : 16;
constexpr size_t kMaxRows = kParts == 1 ? 12 : kParts == 2 ? 6 : 3;

/// Panels that a tile of `rows` rows walks at once.
constexpr size_t panels_at_once(size_t rows) {
  size_t panels = 1;
  while (panels < 8 && ((rows + 1) * (panels + 1)) * kParts + 1 <= kRegisters) ++panels;
  return panels;
}

/// What a tile reads, where its sums go: [rows][panels][16].
struct Tile {
  const float* x;
  size_t x_stride;
  const float* w;  // [panels][k][16]
  size_t k;
  float* sums;
};

template <size_t kRows, size_t kPanels>
void multiply_tile(const Tile& tile) noexcept {
  f32x16 sum[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = zero();
  }
  const size_t panel_size = tile.k * kLanes;
  const float* w = tile.w;
  const float* x = tile.x;
  const size_t x_stride = tile.x_stride;
  for (size_t k = 0; k < tile.k; ++k, w += kLanes, ++x) {
    f32x16 weights[kPanels];
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) weights[p] = load(w + p * panel_size);
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const f32x16 value = broadcast(x[r * x_stride]);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] = fma(value, weights[p], sum[r][p]);
    }
  }
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      store(tile.sums + (r * kPanels + p) * kLanes, sum[r][p]);
    }
  }
}

using TileFunction = void (*)(const Tile&) noexcept;

struct TileShape {
  TileFunction many;  // panels_at_once(rows) panels
  TileFunction one;   // the panels that are left over
  size_t panels;
};

template <size_t kRows>
constexpr TileShape tile_shape() {
  return {multiply_tile<kRows, panels_at_once(kRows)>, multiply_tile<kRows, 1>,
          panels_at_once(kRows)};
}

// By the number of rows; entry 0 is never used.
constexpr TileShape kTileShapes[] = {
    {nullptr, nullptr, 0}, tile_shape<1>(),  tile_shape<2>(), tile_shape<3>(),
#if defined(__AVX2__)
    tile_shape<4>(),       tile_shape<5>(),  tile_shape<6>(),
#endif
#if defined(__AVX512F__)
    tile_shape<7>(),       tile_shape<8>(),  tile_shape<9>(), tile_shape<10>(),
    tile_shape<11>(),      tile_shape<12>(),
#endif
};
static_assert(sizeof(kTileShapes) / sizeof(TileShape) == kMaxRows + 1);

constexpr size_t max_sums() {
  size_t most = 0;
  for (size_t rows = 1; rows <= kMaxRows; ++rows) {
    const size_t sums = rows * panels_at_once(rows) * kLanes;
    if (sums > most) most = sums;
  }
  return most;
}

/// bias, activation and residual for up to 16 features of one row.
template <Activation kActivation>
LW_INLINE void finish_vector(const LinearBlock& block, f32x16 sum, size_t row,
                             size_t feature) noexcept {
  const size_t left = block.n - feature;
  const bool whole = left >= kLanes;
  if (block.bias != nullptr) {
    const float* bias = block.bias + feature;
    sum = sum + (whole ? load(bias) : load_first(bias, left));
  }
  f32x16 y = activate<kActivation>(sum);
  if (block.residual != nullptr) {
    const float* residual = block.residual + row * block.residual_stride + feature;
    y = y + (whole ? load(residual) : load_first(residual, left));
  }
  float* out = block.y + row * block.y_stride + feature;
  if (whole) {
    store(out, y);
  } else {
    store_first(out, y, left);
  }
}

/// Finishes the sums of a tile: `rows` rows from `row`, `panels` panels from `panel`.
template <Activation kActivation>
void finish_tile(const LinearBlock& block, const float* sums, size_t row, size_t rows,
                 size_t panel, size_t panels) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t p = 0; p < panels; ++p, sums += kLanes) {
      finish_vector<kActivation>(block, load(sums), row + r, (panel + p) * kPanel);
    }
  }
}

using FinishFunction = void (*)(const LinearBlock& block, const float* sums, size_t row,
                                size_t rows, size_t panel, size_t panels) noexcept;

// In the order of Activation.
constexpr FinishFunction kFinishTile[] = {
    finish_tile<Activation::kNone>,     finish_tile<Activation::kRelu>,
    finish_tile<Activation::kGeluErf>,  finish_tile<Activation::kGeluTanh>,
    finish_tile<Activation::kSilu>,     finish_tile<Activation::kTanh>,
};

/// Rows [row, row + rows) times panels [panel, panel + panels), finished. A tile that is a row
/// smaller than others could walk more panels; it takes those that it is given.
void multiply_part(const LinearBlock& block, size_t row, size_t rows, size_t panel, size_t panels,
                   float* sums) noexcept {
  const TileShape& shape = kTileShapes[rows];
  for (size_t p = 0; p < panels;) {
    const bool many = panels - p >= shape.panels;
    const size_t done = many ? shape.panels : 1;
    (many ? shape.many : shape.one)({block.x + row * block.x_stride, block.x_stride,
                                     block.w + (panel + p) * kPanel * block.k, block.k, sums});
    kFinishTile[static_cast<size_t>(block.activation)](block, sums, row, rows, panel + p, done);
    p += done;
  }
}

/// Panels outside, row tiles inside: a panel is read from memory once and stays in the nearest
/// cache while all rows use it. Tiles differ by one row at most, because the last tile would
/// otherwise be a small and slow one.
void multiply(const LinearBlock& block) noexcept {
  alignas(64) float sums[max_sums()];
  const size_t panels = (block.n + kPanel - 1) / kPanel;
  const size_t tiles = (block.rows + kMaxRows - 1) / kMaxRows;
  if (tiles == 0) return;
  const size_t step = kTileShapes[(block.rows + tiles - 1) / tiles].panels;
  for (size_t panel = 0; panel < panels; panel += step) {
    const size_t count = panels - panel < step ? panels - panel : step;
    size_t row = 0;
    for (size_t left = tiles; left > 0; --left) {
      const size_t rows = (block.rows - row + left - 1) / left;
      multiply_part(block, row, rows, panel, count, sums);
      row += rows;
    }
  }
}

template <Activation kActivation>
void finish_rows(const LinearBlock& block) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    for (size_t n = 0; n < block.n; n += kLanes) {
      const float* sums = block.y + r * block.y_stride + n;
      const size_t left = block.n - n;
      const f32x16 sum = left >= kLanes ? load(sums) : load_first(sums, left);
      finish_vector<kActivation>(block, sum, r, n);
    }
  }
}

void finish(const LinearBlock& block) noexcept {
  switch (block.activation) {
    case Activation::kNone: return finish_rows<Activation::kNone>(block);
    case Activation::kRelu: return finish_rows<Activation::kRelu>(block);
    case Activation::kGeluErf: return finish_rows<Activation::kGeluErf>(block);
    case Activation::kGeluTanh: return finish_rows<Activation::kGeluTanh>(block);
    case Activation::kSilu: return finish_rows<Activation::kSilu>(block);
    case Activation::kTanh: return finish_rows<Activation::kTanh>(block);
  }
}

}  // namespace

LW_KERNELS(LinearKernels, linear_kernels) = {multiply, finish, kMaxRows};

}  // namespace lanewise::ops::LW_ISA_NAME
