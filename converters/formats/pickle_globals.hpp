#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// How messages about pickles that ask for more end.
inline constexpr std::string_view kNothingExecuted = "; nothing was executed";

/// What one of Python's names means in a state dict.
enum class GlobalRole {
  kOrderedDict,
  kDefaultDict,          ///< its argument makes values that are not there
  kReconstruct,          ///< of protocols 0 and 1: a class, its base, and what the base keeps
  kRebuildTensor,        ///< torch._utils._rebuild_tensor and _v2
  kRebuildTensorOfType,  ///< _v3, whose storage is bytes
  kRebuildParameter,     ///< its first argument is the tensor
  kRebuildFromType,      ///< a rebuilding function of this list, a class, its arguments, attributes
  kStorageType,          ///< torch.FloatStorage and its like
  kDataType,             ///< torch.float32 and its like
  kForeignStorageType,   ///< of elements that DataType lacks
  kForeignDataType,
  kRebuildForeign,  ///< a tensor that is no dense one: quantised, sparse
  kSize,            ///< torch.Size: a tuple
  kInert,           ///< stands beside tensors; what it would make is of no interest
};

/// A name that pickles of state dicts may use. Using it calls none of Python's functions.
struct PickleGlobal {
  std::string_view module;
  std::string_view name;
  GlobalRole role;
  DataType type = DataType::kF32;  ///< kStorageType, kDataType
  size_t bytes = 0;                ///< kForeignStorageType: of an element
};

/// One of the list, or null. The list is all that there is: nothing is looked up anywhere else.
const PickleGlobal* find_global(std::string_view module, std::string_view name);

/// An error for a name that runs commands or code in Python, which none that saves weights has a
/// use for. Nothing would come of it here either, but whoever got such a file should know.
Status check_harmless(std::string_view module, std::string_view name);

/// `module.name` for a message, neither of them longer than anybody wants to read.
std::string full_name(std::string_view module, std::string_view name);

}  // namespace lanewise::converters
