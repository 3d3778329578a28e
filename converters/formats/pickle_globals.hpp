#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// The end of messages about pickles that are refused.
inline constexpr std::string_view kNothingExecuted = "; nothing was executed";

/// The meaning of a Python name in a state dict.
enum class GlobalRole {
  kOrderedDict,
  kDefaultDict,          ///< its argument makes missing values
  kReconstruct,          ///< in protocols 0 and 1: a class, its base, and the state of the base
  kRebuildTensor,        ///< torch._utils._rebuild_tensor and _v2
  kRebuildTensorOfType,  ///< _v3, whose storage is bytes
  kRebuildParameter,     ///< its first argument is the tensor
  kRebuildFromType,      ///< a rebuilding function of this list, a class, its arguments, attributes
  kStorageType,          ///< torch.FloatStorage and its like
  kDataType,             ///< torch.float32 and its like
  kForeignStorageType,   ///< of elements that DataType lacks
  kForeignDataType,
  kRebuildForeign,  ///< a tensor that is not dense: quantised, sparse
  kSize,            ///< torch.Size: a tuple
  kIgnored,         ///< occurs beside tensors; its result is not needed
};

/// A name that pickles of state dicts may use. Using it does not call a Python function.
struct PickleGlobal {
  std::string_view module;
  std::string_view name;
  GlobalRole role;
  DataType type = DataType::kF32;  ///< kStorageType, kDataType
  size_t bytes = 0;                ///< kForeignStorageType: size of an element
};

/// Returns an entry of the list, or null. Nothing is looked up anywhere else.
const PickleGlobal* find_global(std::string_view module, std::string_view name);

/// Fails for a name that runs commands or code in Python, which no file of weights needs. It would
/// have no effect here, but the user should know about such a file.
Status check_harmless(std::string_view module, std::string_view name);

/// `module.name` for a message, both shortened if they are very long.
std::string full_name(std::string_view module, std::string_view name);

}  // namespace lanewise::converters
