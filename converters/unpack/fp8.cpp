// Weights in FP8 with scales, as DeepSeek, Qwen and others publish them:
//
//   W.weight            [out, in] F8_E4M3
//   W.weight_scale_inv  [out / 128, in / 128] f32: a factor for each block, in spite of its name
//   W.weight_scale      a factor for the tensor, [] or [1], or for each row, [out, 1]

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"
#include "converters/formats/float8.hpp"
#include "converters/unpack/unpack.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kScales[] = {"_scale_inv", "_scale"};
/// Scales of activations, which only matter if products are computed in FP8.
constexpr const char* kActivationScales[] = {".input_scale", ".activation_scale"};
constexpr std::string_view kWeight = ".weight";

/// How many rows and columns share a factor.
struct Blocks {
  int64_t rows = 1;
  int64_t columns = 1;
};

int64_t blocks_in(int64_t count, int64_t block) { return (count + block - 1) / block; }

Result<Blocks> read_blocks(const Config& config) {
  LW_ASSIGN_OR_RETURN(const auto sizes, config.integers("weight_block_size", 1, INT32_MAX));
  if (sizes.empty()) return Blocks{128, 128};
  if (sizes.size() != 2) return config.wrong("weight_block_size", "two sizes");
  return Blocks{sizes[0], sizes[1]};
}

/// What one element of `scale` is the factor of.
Result<Blocks> blocks_of(const CheckpointTensor& weight, const CheckpointTensor& scale,
                         const Blocks& usual) {
  LW_ASSIGN_OR_RETURN(const int64_t factors, element_count(scale.shape));
  const bool is_number = scale.foreign_type.empty() && is_floating_point(scale.type);
  const int64_t rows = weight.shape[0];
  const int64_t columns = weight.shape[1];
  if (is_number && factors == 1)
    return Blocks{std::max<int64_t>(rows, 1), std::max<int64_t>(columns, 1)};
  if (is_number &&
      scale.shape == Shape{blocks_in(rows, usual.rows), blocks_in(columns, usual.columns)}) {
    return usual;
  }
  if (is_number && (scale.shape == Shape{rows, 1} || scale.shape == Shape{rows})) {
    return Blocks{1, std::max<int64_t>(columns, 1)};
  }
  return invalid_argument("tensor " + in_quotes(scale.name) + " " + std::string(type_name(scale)) +
                          " " + to_string(scale.shape) + " has no scale for each row or block of " +
                          in_quotes(weight.name) + " " + to_string(weight.shape));
}

Status compute(const Checkpoint& stored, const CheckpointTensor& weight,
               const CheckpointTensor& scale, const Blocks& blocks, std::span<float> w) {
  LW_ASSIGN_OR_RETURN(const F32Tensor codes, read_f32(stored, weight));
  LW_ASSIGN_OR_RETURN(const F32Tensor factors, read_f32(stored, scale));
  const auto columns = static_cast<size_t>(weight.shape[1]);
  const auto across = static_cast<size_t>(blocks_in(weight.shape[1], blocks.columns));
  for (size_t i = 0; i < w.size(); ++i) {
    const size_t row = i / columns / static_cast<size_t>(blocks.rows);
    const size_t column = i % columns / static_cast<size_t>(blocks.columns);
    w[i] = codes.values[i] * factors.values[row * across + column];
  }
  return {};
}

const CheckpointTensor* scale_of(const Checkpoint& stored, const std::string& weight) {
  for (const char* suffix : kScales) {
    const CheckpointTensor* scale = stored.find(weight + suffix);
    if (scale != nullptr) return scale;
  }
  return nullptr;
}

}  // namespace

Result<Derivation> unpack_fp8(const Checkpoint& stored, const Config& quantization) {
  LW_ASSIGN_OR_RETURN(const std::string format, quantization.text("fmt", "e4m3"));
  if (format != "e4m3") {
    return unsupported(quantization.label() + ": 'fmt' " + in_quotes(format) +
                       " is not supported; known: e4m3");
  }
  LW_ASSIGN_OR_RETURN(const Blocks usual, read_blocks(quantization));
  Derivation derivation;
  for (const CheckpointTensor& weight : stored.tensors()) {
    if (weight.blocks != &float8_e4m3() || weight.shape.size() != 2) continue;
    const CheckpointTensor* scale = scale_of(stored, weight.name);
    if (scale == nullptr) continue;
    LW_ASSIGN_OR_RETURN(const Blocks blocks, blocks_of(weight, *scale, usual));
    derivation.omitted.push_back(scale->name);
    for (const char* suffix : kActivationScales) {
      if (!weight.name.ends_with(kWeight)) continue;
      std::string other = weight.name.substr(0, weight.name.size() - kWeight.size()) + suffix;
      if (stored.find(other) != nullptr) derivation.omitted.push_back(std::move(other));
    }
    derivation.tensors.push_back(
        {weight.name, weight.shape, "F8_E4M3 with scales",
         [from = &weight, scale, blocks](const Checkpoint& checkpoint, std::span<float> w) {
           return compute(checkpoint, *from, *scale, blocks, w);
         }});
  }
  derivation.notes.push_back(
      "weights are those of FP8, but activations are not rounded to it: results are more exact");
  return derivation;
}

}  // namespace lanewise::converters
