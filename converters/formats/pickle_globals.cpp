#include "converters/formats/pickle_globals.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "runtime/file/messages.hpp"

namespace lanewise::converters {
namespace {

using enum GlobalRole;

constexpr PickleGlobal kGlobals[] = {
    {"collections", "OrderedDict", kOrderedDict},
    {"torch._utils", "_rebuild_tensor", kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v3", kRebuildTensorOfType},
    {"torch._utils", "_rebuild_parameter", kRebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", kRebuildParameter},
    {"torch._tensor", "_rebuild_from_type_v2", kRebuildFromType},
    {"torch", "FloatStorage", kStorageType, DataType::kF32},
    {"torch", "HalfStorage", kStorageType, DataType::kF16},
    {"torch", "BFloat16Storage", kStorageType, DataType::kBF16},
    {"torch", "DoubleStorage", kStorageType, DataType::kF64},
    {"torch", "LongStorage", kStorageType, DataType::kI64},
    {"torch", "IntStorage", kStorageType, DataType::kI32},
    {"torch", "ShortStorage", kStorageType, DataType::kI16},
    {"torch", "CharStorage", kStorageType, DataType::kI8},
    {"torch", "ByteStorage", kStorageType, DataType::kU8},
    {"torch", "BoolStorage", kStorageType, DataType::kBool},
    {"torch.storage", "UntypedStorage", kStorageType, DataType::kU8},
    {"torch", "UntypedStorage", kStorageType, DataType::kU8},
    {"torch", "float32", kDataType, DataType::kF32},
    {"torch", "float16", kDataType, DataType::kF16},
    {"torch", "bfloat16", kDataType, DataType::kBF16},
    {"torch", "float64", kDataType, DataType::kF64},
    {"torch", "int64", kDataType, DataType::kI64},
    {"torch", "int32", kDataType, DataType::kI32},
    {"torch", "int16", kDataType, DataType::kI16},
    {"torch", "int8", kDataType, DataType::kI8},
    {"torch", "uint8", kDataType, DataType::kU8},
    {"torch", "bool", kDataType, DataType::kBool},
    {"torch", "Size", kSize},
    {"torch", "device", kInert},
    {"torch", "Tensor", kInert},
    {"torch.nn.parameter", "Parameter", kInert},
    // Learning-rate schedulers, and metrics that are numpy's scalars.
    {"collections", "Counter", kInert},
    {"numpy", "dtype", kInert},
    {"numpy.core.multiarray", "scalar", kInert},
    {"numpy._core.multiarray", "scalar", kInert},
    // How protocol 2 writes bytes and sets.
    {"_codecs", "encode", kInert},
    {"__builtin__", "set", kInert},
    {"builtins", "set", kInert},
};

bool is_class_name(std::string_view name) {
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z';
}

}  // namespace

const PickleGlobal* find_global(std::string_view module, std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kGlobals), std::end(kGlobals),
      [&](const PickleGlobal& one) { return one.module == module && one.name == name; });
  return found == std::end(kGlobals) ? nullptr : found;
}

Status refused_global(std::string_view module, std::string_view name) {
  constexpr size_t kMaxShown = 100;  // A name may be as long as its file.
  const std::string full = file::in_quotes(
      std::string(module.substr(0, kMaxShown)).append(".").append(name.substr(0, kMaxShown)));
  if (module.starts_with("torch.nn.") || module.starts_with("__torch__")) {
    return unsupported("holds an object of class " + full + ", a whole model instead of its " +
                       "weights: save model.state_dict()" + std::string(kNothingExecuted));
  }
  if (module == "torch" || module.starts_with("torch.")) {
    return unsupported("pickle wants to use " + full + ", which is not supported" +
                       std::string(kNothingExecuted));
  }
  const std::string hint =
      is_class_name(name) ? " (of a model of your own class save model.state_dict())" : "";
  return data_loss("pickle wants to call " + full + ", which no state dict needs" + hint +
                   std::string(kNothingExecuted));
}

}  // namespace lanewise::converters
