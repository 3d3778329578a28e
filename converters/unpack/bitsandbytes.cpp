// Weights that bitsandbytes has quantised: packed elements, and beside them tensors with longer
// names that say how.
//
//   4 bits   W                     bytes, two elements each, the first in the high half
//            W.quant_map           [16] f32: values of the codes
//            W.absmax              a scale for each block of elements: f32, or, with nested scales,
//                                  8-bit codes of
//            W.nested_quant_map    [256] f32, with
//            W.nested_absmax       a scale for each block of them, to which nested_offset is added
//            W.quant_state.bitsandbytes__nf4   JSON
//   8 bits   W                     [out, in] i8
//            SCB                   [out] f32: 127 is this value

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"
#include "converters/unpack/unpack.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr std::string_view kState = ".quant_state.bitsandbytes__";
constexpr std::string_view kRowScales = ".SCB";
constexpr size_t kMaxStateBytes = 1 << 16;

/// The tensors of a weight of 4 bits.
struct Packed {
  const CheckpointTensor* codes = nullptr;
  const CheckpointTensor* values = nullptr;
  const CheckpointTensor* scales = nullptr;
  const CheckpointTensor* nested_values = nullptr;
  const CheckpointTensor* nested_scales = nullptr;
  int64_t block = 0;
  int64_t nested_block = 0;
  float nested_offset = 0;
  Shape shape;
};

/// A tensor's bytes, whatever its type.
Result<std::vector<uint8_t>> read_bytes(const Checkpoint& stored, const CheckpointTensor& tensor) {
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const TensorView view, stored.read(tensor, scratch));
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(view.shape));
  std::vector<uint8_t> bytes(static_cast<size_t>(count) * size_of(view.type));
  if (!bytes.empty()) std::memcpy(bytes.data(), view.data, bytes.size());
  return bytes;
}

Result<std::vector<float>> read_scales(const Checkpoint& stored, const Packed& packed) {
  std::vector<float> scales;
  if (packed.nested_values == nullptr) {
    LW_ASSIGN_OR_RETURN(const F32Tensor plain, read_f32(stored, *packed.scales));
    scales.assign(plain.values.begin(), plain.values.end());
    return scales;
  }
  LW_ASSIGN_OR_RETURN(const auto codes, read_bytes(stored, *packed.scales));
  LW_ASSIGN_OR_RETURN(const F32Tensor values, read_f32(stored, *packed.nested_values));
  LW_ASSIGN_OR_RETURN(const F32Tensor nested, read_f32(stored, *packed.nested_scales));
  scales.resize(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) {
    const float product =
        values.values[codes[i]] * nested.values[i / static_cast<size_t>(packed.nested_block)];
    scales[i] = product + packed.nested_offset;
  }
  return scales;
}

Status compute_packed(const Checkpoint& stored, const Packed& packed, std::span<float> w) {
  LW_ASSIGN_OR_RETURN(const auto codes, read_bytes(stored, *packed.codes));
  LW_ASSIGN_OR_RETURN(const F32Tensor values, read_f32(stored, *packed.values));
  LW_ASSIGN_OR_RETURN(const std::vector<float> scales, read_scales(stored, packed));
  for (size_t i = 0; i < w.size(); ++i) {
    const uint8_t code = i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15;
    w[i] = values.values[code] * scales[i / static_cast<size_t>(packed.block)];
  }
  return {};
}

int64_t count_of(const CheckpointTensor* tensor) {
  if (tensor == nullptr || !tensor->foreign_type.empty()) return -1;
  const Result<int64_t> count = element_count(tensor->shape);
  return count.ok() ? *count : -1;
}

int64_t blocks_in_nf4(int64_t count, int64_t block) { return (count + block - 1) / block; }

/// Every size that compute_packed() relies on.
Status check_packed(const Packed& packed) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(packed.shape));
  const int64_t bytes = count_of(packed.codes) * static_cast<int64_t>(size_of(packed.codes->type));
  if (bytes != blocks_in_nf4(count, 2)) {
    return invalid_argument("has " + std::to_string(bytes) + " bytes, expected those of " +
                            to_string(packed.shape) + " at 4 bits");
  }
  const int64_t scales = blocks_in_nf4(count, packed.block);
  const bool nested = packed.nested_values != nullptr;
  const bool fits =
      count_of(packed.values) == 16 && count_of(packed.scales) == scales &&
      (nested ? packed.scales->type == DataType::kU8 : is_floating_point(packed.scales->type)) &&
      is_floating_point(packed.values->type);
  if (!fits) {
    return invalid_argument("expected 16 values in 'quant_map' and " + std::to_string(scales) +
                            " scales in 'absmax'");
  }
  if (!nested) return {};
  const int64_t nested_scales = blocks_in_nf4(scales, packed.nested_block);
  if (count_of(packed.nested_values) == 256 && is_floating_point(packed.nested_values->type) &&
      count_of(packed.nested_scales) == nested_scales &&
      is_floating_point(packed.nested_scales->type)) {
    return {};
  }
  return invalid_argument("expected 256 values in 'nested_quant_map' and " +
                          std::to_string(nested_scales) + " scales in 'nested_absmax'");
}

Status read_state(const Checkpoint& stored, const CheckpointTensor& tensor, Packed& packed) {
  if (count_of(&tensor) > static_cast<int64_t>(kMaxStateBytes)) {
    return invalid_argument("is too long");
  }
  LW_ASSIGN_OR_RETURN(const auto bytes, read_bytes(stored, tensor));
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  LW_ASSIGN_OR_RETURN(const Config state, Config::parse(json, tensor.name));
  LW_ASSIGN_OR_RETURN(packed.block, state.integer("blocksize", 64, 1, INT32_MAX));
  LW_ASSIGN_OR_RETURN(packed.nested_block, state.integer("nested_blocksize", 256, 1, INT32_MAX));
  LW_ASSIGN_OR_RETURN(const double offset, state.number("nested_offset", 0, -1e30, 1e30));
  packed.nested_offset = static_cast<float>(offset);
  LW_ASSIGN_OR_RETURN(const auto shape, state.integers("shape", 0, INT32_MAX));
  packed.shape.assign(shape.begin(), shape.end());
  return {};
}

class Finder {
 public:
  explicit Finder(const Checkpoint& stored) : stored_(stored) {}

  Result<Derivation> find() && {
    for (const CheckpointTensor& tensor : stored_.tensors()) {
      const size_t at = tensor.name.find(kState);
      Status added;
      if (at != std::string::npos) {
        added = add_packed(tensor.name.substr(0, at), tensor);
      } else if (tensor.name.ends_with(kRowScales)) {
        added = add_rows(tensor.name.substr(0, tensor.name.size() - kRowScales.size()), tensor);
      }
      if (!added.ok()) return added.with_context("tensor " + in_quotes(tensor.name));
    }
    if (!derivation_.tensors.empty()) return std::move(derivation_);
    return invalid_argument("the config says bitsandbytes, but no tensor is quantised by it");
  }

 private:
  Status add_packed(const std::string& name, const CheckpointTensor& state) {
    Packed packed;
    packed.codes = stored_.find(name);
    if (packed.codes == nullptr) return invalid_argument("there is no " + in_quotes(name));
    LW_RETURN_IF_ERROR(read_state(stored_, state, packed));
    packed.values = stored_.find(name + ".quant_map");
    packed.scales = stored_.find(name + ".absmax");
    packed.nested_values = stored_.find(name + ".nested_quant_map");
    packed.nested_scales = stored_.find(name + ".nested_absmax");
    LW_RETURN_IF_ERROR(check_packed(packed));
    for (const CheckpointTensor* tensor :
         {packed.values, packed.scales, packed.nested_values, packed.nested_scales, &state}) {
      if (tensor != nullptr) derivation_.omitted.push_back(tensor->name);
    }
    derivation_.tensors.push_back(
        {.name = name,
         .shape = packed.shape,
         .computed_from = "bitsandbytes of 4 bits",
         .compute = [packed](const Checkpoint& stored, std::span<float> w) {
           return compute_packed(stored, packed, w);
         }});
    return {};
  }

  Status add_rows(const std::string& module, const CheckpointTensor& scales) {
    const CheckpointTensor* weight = stored_.find(module + ".weight");
    const bool fits = weight != nullptr && weight->type == DataType::kI8 &&
                      weight->foreign_type.empty() && weight->shape.size() == 2 &&
                      scales.shape == Shape{weight->shape[0]} && is_floating_point(scales.type);
    if (!fits) return invalid_argument("there is no weight of I8 that these are the scales of");
    derivation_.omitted.push_back(scales.name);
    const CheckpointTensor* format = stored_.find(module + ".weight_format");
    if (format != nullptr) {
      LW_ASSIGN_OR_RETURN(const auto value, read_bytes(stored_, *format));
      if (value.empty() || value.front() != 0) {
        return unsupported("the weight is not stored row by row");
      }
      derivation_.omitted.push_back(format->name);
    }
    const auto compute = [weight, rows = &scales](const Checkpoint& stored,
                                                  std::span<float> w) -> Status {
      constexpr float kMost = 127.0f;
      LW_ASSIGN_OR_RETURN(const auto codes, read_bytes(stored, *weight));
      LW_ASSIGN_OR_RETURN(const F32Tensor scale, read_f32(stored, *rows));
      const size_t in = w.size() / std::max<size_t>(scale.values.size(), 1);
      for (size_t i = 0; i < w.size(); ++i) {
        w[i] = static_cast<float>(static_cast<int8_t>(codes[i])) * scale.values[i / in] / kMost;
      }
      return {};
    };
    derivation_.tensors.push_back({weight->name, weight->shape, "bitsandbytes of 8 bits", compute});
    return {};
  }

  const Checkpoint& stored_;
  Derivation derivation_;
};

}  // namespace

Result<Derivation> unpack_bitsandbytes(const Checkpoint& stored, const Config&) {
  return Finder(stored).find();
}

}  // namespace lanewise::converters
