#include "ops/weights/blocks/block_weight.hpp"

#include <array>
#include <vector>

#include "base/half.hpp"
#include "base/status_macros.hpp"
#include "ops/weights/blocks/block_kernels.hpp"
#include "ops/weights/blocks/block_numbers.hpp"
#include "ops/weights/blocks/blocks.hpp"
#include "ops/weights/half/half.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE BlockKernels
#define LW_KERNEL_NAME block_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr std::string_view kSuffixes[] = {"", "_scale"};

constexpr WeightFormat kKept[] = {
#define LW_BLOCK_FORMAT(block, name, elements, kept, ...) WeightFormat::kept,
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
};

/// `format` must keep the values of a block format.
BlockKind kind_of(WeightFormat format) noexcept {
  size_t kind = 0;
  while (kKept[kind] != format) ++kind;
  return static_cast<BlockKind>(kind);
}

/// The shapes of the tensors of a weight [n, k].
struct BlockShapes {
  BlockShapes(const BlockTraits& traits, int64_t n, int64_t k)
      : codes{ceil_div(n, 16), k / static_cast<int64_t>(kBlockInputs),
              static_cast<int64_t>(traits.code_bytes())},
        scales{ceil_div(n, 16), k / static_cast<int64_t>(traits.elements),
               static_cast<int64_t>(traits.scale_bytes())} {}

  Shape codes;
  Shape scales;
};

Result<WeightPtr> bind(const WeightTensors& tensors, const WeightProblem& problem) {
  const BlockKind kind = kind_of(problem.format);
  const BlockTraits traits = traits_of(kind);
  const auto elements = static_cast<int64_t>(traits.elements);
  if (problem.k % elements != 0) {
    return invalid_argument("weight in " + std::string(name_of(problem.format)) +
                            ": expected a multiple of " + std::to_string(elements) +
                            " inputs, found " + std::to_string(problem.k));
  }
  const BlockShapes shapes(traits, problem.n, problem.k);
  BlockPanels stored;
  stored.kind = kind;
  LW_ASSIGN_OR_RETURN(stored.codes, tensors.get<std::byte>("", DataType::kU8, shapes.codes));
  LW_ASSIGN_OR_RETURN(stored.scales,
                      tensors.get<std::byte>("_scale", DataType::kU8, shapes.scales));
  stored.panel_bytes = static_cast<size_t>(shapes.codes[1] * shapes.codes[2]);
  stored.panel_scale_bytes = static_cast<size_t>(shapes.scales[1] * shapes.scales[2]);
  return WeightPtr(std::make_shared<BoundWeight<BlockPanels, BlockFormatKernels>>(
      problem, stored, kernels_for<BlockKernels>(problem.isa).formats[static_cast<size_t>(kind)]));
}

PanelStep step(WeightFormat format) noexcept {
  return {static_cast<int64_t>(kBlockInputs),
          static_cast<int64_t>(traits_of(kind_of(format)).code_bytes())};
}

/// Writes the codes of 32 inputs. `to`: those of the feature's panel, at its column.
void put_codes(const BlockTraits& traits, const uint8_t* codes, uint8_t* to) noexcept {
  for (size_t i = 0; i < kBlockInputs; ++i) {
    for (size_t p = 0; p < traits.planes(); ++p) {
      const CodePlane plane = traits.plane(p);
      const uint32_t bits = codes[i] >> plane.low & ((1u << plane.width) - 1u);
      uint8_t& byte = to[plane.vector_at(i / 4) + i % 4];
      byte = static_cast<uint8_t>(byte | bits << plane.shift(i / 4));
    }
  }
}

/// Code i of 32. `from`: as for put_codes().
uint32_t get_code(const BlockTraits& traits, const uint8_t* from, size_t i) noexcept {
  uint32_t code = 0;
  for (size_t p = 0; p < traits.planes(); ++p) {
    const CodePlane plane = traits.plane(p);
    const uint32_t byte = from[plane.vector_at(i / 4) + i % 4];
    code |= (byte >> plane.shift(i / 4) & ((1u << plane.width) - 1u)) << plane.low;
  }
  return code;
}

void put_half(uint16_t bits, uint8_t* to) noexcept {
  to[0] = static_cast<uint8_t>(bits & 255);
  to[1] = static_cast<uint8_t>(bits >> 8);
}

float get_half(const uint8_t* from) noexcept {
  return base::half_to_f32(static_cast<uint16_t>(from[0] | from[1] << 8));
}

/// Writes the scales of a block of feature j of a panel. `to`: those of the panel.
void put_scales(const BlockTraits& traits, const BlockNumbers& numbers, size_t j,
                uint8_t* to) noexcept {
  put_half(numbers.scale, to + 2 * j);
  to += 32;
  if (traits.has_minimum) {
    put_half(numbers.minimum, to + 2 * j);
    to += 32;
  }
  if (!traits.has_group_scales()) return;
  for (size_t g = 0; g < traits.groups(); ++g, to += traits.group_bytes()) {
    const auto scale = static_cast<uint8_t>(numbers.scales[g]);
    const bool shares = traits.shares_bytes();
    to[j] = static_cast<uint8_t>(shares ? scale | numbers.minimums[g] << 4 : scale);
    if (traits.has_minimum && !shares) to[16 + j] = numbers.minimums[g];
  }
}

struct GroupFactors {
  float scale;
  float minimum;
};

/// The factors of group g of a block of feature j.
GroupFactors get_scales(const BlockTraits& traits, const uint8_t* from, size_t g,
                        size_t j) noexcept {
  const float d = get_half(from + 2 * j);
  const float m = traits.has_minimum ? get_half(from + 32 + 2 * j) : 0.0f;
  if (!traits.has_group_scales()) return {d, m};
  const uint8_t* group = from + (traits.has_minimum ? 64 : 32) + g * traits.group_bytes();
  if (!traits.has_minimum) return {d * static_cast<float>(static_cast<int8_t>(group[j])), 0.0f};
  const bool shares = traits.shares_bytes();
  const int scale = shares ? group[j] & 15 : group[j];
  const int minimum = shares ? group[j] >> 4 : group[16 + j];
  return {d * static_cast<float>(scale), -(m * static_cast<float>(minimum))};
}

/// Where rows of a weight are written to.
class BlockWriter {
 public:
  explicit BlockWriter(PackedWeight& weight)
      : traits_(traits_of(kind_of(weight.format))),
        codes_(weight.tensors[0]),
        scales_(weight.tensors[1]) {}

  size_t blocks() const noexcept { return static_cast<size_t>(scales_.shape[1]); }

  void put(size_t row, size_t block, const BlockNumbers& numbers) noexcept {
    const size_t panel = row / 16, j = row % 16;
    const size_t runs = traits_.elements / kBlockInputs;
    uint8_t* codes = at(codes_, panel, block * runs) + 4 * j;
    for (size_t run = 0; run < runs; ++run, codes += traits_.code_bytes()) {
      put_codes(traits_, numbers.codes + run * kBlockInputs, codes);
    }
    put_scales(traits_, numbers, j, at(scales_, panel, block));
  }

 private:
  /// Element [panel, i, 0].
  static uint8_t* at(PackedTensor& tensor, size_t panel, size_t i) noexcept {
    const auto middle = static_cast<size_t>(tensor.shape[1]);
    const auto last = static_cast<size_t>(tensor.shape[2]);
    return reinterpret_cast<uint8_t*>(tensor.bytes.data()) + (panel * middle + i) * last;
  }

  BlockTraits traits_;
  PackedTensor& codes_;
  PackedTensor& scales_;
};

std::vector<PackedTensor> tensors(WeightFormat format, int64_t n, int64_t k) {
  const BlockShapes shapes(traits_of(kind_of(format)), n, k);
  return {{"", DataType::kU8, shapes.codes, {}}, {"_scale", DataType::kU8, shapes.scales, {}}};
}

/// All zero.
PackedWeight make(WeightFormat format, int64_t n, int64_t k) {
  PackedWeight weight{.format = format, .tensors = tensors(format, n, k)};
  for (PackedTensor& tensor : weight.tensors) {
    const Shape& shape = tensor.shape;
    tensor.bytes.resize(static_cast<size_t>(shape[0] * shape[1] * shape[2]));
  }
  return weight;
}

PackedWeight pack(WeightFormat format, const float* w, int64_t n, int64_t k) {
  PackedWeight weight = make(format, n, k);
  BlockWriter writer(weight);
  const BlockKind kind = kind_of(format);
  const size_t elements = traits_of(kind).elements;
  BlockNumbers numbers{};
  for (int64_t row = 0; row < n; ++row, w += k) {
    for (size_t b = 0; b < writer.blocks(); ++b) {
      round_block(kind, w + b * elements, numbers);
      writer.put(static_cast<size_t>(row), b, numbers);
    }
  }
  return weight;
}

/// The numbers of a block of one group without a minimum.
BlockNumbers numbers_of(const int8_t* values, float scale) noexcept {
  BlockNumbers numbers{};
  for (size_t i = 0; i < kBlockInputs; ++i) numbers.codes[i] = static_cast<uint8_t>(values[i]);
  numbers.scale = to_f16(scale);
  return numbers;
}

PackedWeight pack_integers(const QuantizedMatrix& matrix) {
  PackedWeight weight = make(matrix.format, matrix.n, matrix.k);
  BlockWriter writer(weight);
  const int8_t* values = matrix.values.data();
  const float* scales = matrix.scales.data();
  for (int64_t row = 0; row < matrix.n; ++row) {
    for (size_t b = 0; b < writer.blocks(); ++b, values += kBlockInputs, ++scales) {
      writer.put(static_cast<size_t>(row), b, numbers_of(values, *scales));
    }
  }
  return weight;
}

}  // namespace

size_t BlockPanels::scratch_bytes(size_t k, const Norm& norm) const noexcept {
  const size_t unpacked =
      kMostBlockPanels * (unpacked_panel_bytes(k) + kUnpackedFactors * sizeof(float));
  const size_t sums = kLinearMaxRows * kMostBlockPanels * kPanel * sizeof(float);
  return normalized_bytes(norm, k) + kLinearMaxRows * rounded_stride(k) + unpacked + sums;
}

void BlockPanels::unpack_row(size_t row, size_t k, float* y) const noexcept {
  const BlockTraits traits = traits_of(kind);
  const size_t panel = row / kPanel, j = row % kPanel;
  const auto* from = reinterpret_cast<const uint8_t*>(codes + panel * panel_bytes) + 4 * j;
  const auto* of_scales = reinterpret_cast<const uint8_t*>(scales + panel * panel_scale_bytes);
  for (size_t first = 0; first < k; first += traits.group) {
    const uint8_t* of_block = of_scales + first / traits.elements * traits.scale_bytes();
    const GroupFactors factors =
        get_scales(traits, of_block, first % traits.elements / traits.group, j);
    for (size_t i = first; i < first + traits.group; ++i) {
      const uint8_t* of_run = from + i / kBlockInputs * traits.code_bytes();
      const auto code = static_cast<int>(get_code(traits, of_run, i % kBlockInputs));
      const int v = traits.is_table() ? kIQ4Values[code] : code - traits.zero;
      y[i] = factors.scale * static_cast<float>(v);
      if (traits.has_minimum) y[i] += factors.minimum;
    }
  }
}

WeightFormat kept_format(const BlockFormat& blocks) noexcept {
  return kKept[static_cast<size_t>(&blocks - block_formats().data())];
}

const BlockFormat* blocks_of(WeightFormat format) noexcept {
  for (const BlockFormat& blocks : block_formats()) {
    if (kept_format(blocks) == format) return &blocks;
  }
  return nullptr;
}

PackedWeight make_block_weight(const BlockFormat& blocks, int64_t n, int64_t k) {
  return make(kept_format(blocks), n, k);
}

void put_block_rows(PackedWeight& weight, int64_t first, int64_t count, const std::byte* rows) {
  BlockWriter writer(weight);
  const BlockKind kind = kind_of(weight.format);
  const auto bytes = static_cast<size_t>(block_formats()[static_cast<size_t>(kind)].bytes);
  BlockNumbers numbers{};
  for (int64_t row = first; row < first + count; ++row) {
    for (size_t b = 0; b < writer.blocks(); ++b, rows += bytes) {
      read_block(kind, rows, numbers);
      writer.put(static_cast<size_t>(row), b, numbers);
    }
  }
}

const WeightCode blocks_code{.suffixes = kSuffixes,
                             .step = step,
                             .rounds_rows = true,
                             .bind = bind,
                             .rows = rows_of_panels,
                             .pack = pack,
                             .tensors = tensors,
                             .pack_integers = pack_integers};

}  // namespace lanewise::ops
