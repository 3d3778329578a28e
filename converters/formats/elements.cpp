#include "converters/formats/elements.hpp"

#include <cmath>
#include <cstring>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

/// Applies `convert` to each Stored; memcpy, because `data` may be misaligned.
template <typename Stored, typename Convert>
void convert_each(const void* data, std::span<float> out, Convert convert) {
  const auto* bytes = static_cast<const std::byte*>(data);
  for (size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(stored);
  }
}

/// Usually straight from the file, without the copy in a scratch.
Result<F32Tensor> unpacked(const Checkpoint& checkpoint, const CheckpointTensor& tensor) {
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const auto blocks, checkpoint.read_blocks(tensor, scratch));
  const size_t count = blocks.size() / static_cast<size_t>(tensor.blocks->bytes);
  const size_t size = count * static_cast<size_t>(tensor.blocks->elements);
  auto owned = std::make_unique_for_overwrite<float[]>(size);
  tensor.blocks->unpack(blocks.data(), count, owned.get());
  const std::span<const float> values(owned.get(), size);
  return F32Tensor{values, std::move(owned)};
}

}  // namespace

bool is_floating_point(DataType type) noexcept {
  return type == DataType::kF32 || type == DataType::kF16 || type == DataType::kBF16 ||
         type == DataType::kF64;
}

Status convert_to_f32(const TensorView& tensor, std::span<float> out) {
  switch (tensor.type) {
    case DataType::kF32:
      if (!out.empty()) std::memcpy(out.data(), tensor.data, out.size_bytes());
      return {};
    case DataType::kF16:
      convert_each<uint16_t>(tensor.data, out, half_to_f32);
      return {};
    case DataType::kBF16:
      convert_each<uint16_t>(tensor.data, out, bfloat16_to_f32);
      return {};
    case DataType::kF64:
      convert_each<double>(tensor.data, out, [](double x) { return static_cast<float>(x); });
      return {};
    default:
      return unsupported("expected a floating-point type, found " +
                         std::string(name_of(tensor.type)));
  }
}

Result<F32Tensor> read_f32(const Checkpoint& checkpoint, const CheckpointTensor& tensor) {
  if (tensor.blocks != nullptr) return unpacked(checkpoint, tensor);
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const TensorView view, checkpoint.read(tensor, scratch));
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(view.shape));
  const auto size = static_cast<size_t>(count);
  const bool in_place = view.type == DataType::kF32 && scratch.empty() && file::is_aligned(view);
  if (in_place) return F32Tensor{{view.as<float>(), size}, nullptr};
  auto owned = std::make_unique_for_overwrite<float[]>(size);
  const Status converted = convert_to_f32(view, {owned.get(), size});
  if (!converted.ok()) return converted.with_context("tensor " + base::in_quotes(tensor.name));
  const std::span<const float> values(owned.get(), size);
  return F32Tensor{values, std::move(owned)};
}

}  // namespace lanewise::converters
