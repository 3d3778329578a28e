#pragma once

#include <span>
#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// How to distinguish a class of Transformers with an unsupported head from the model itself.
struct HeadClasses {
  std::span<const std::string_view> without;  ///< classes that the graph covers completely
  std::span<const std::string_view> tensors;  ///< prefixes of the names of the heads' tensors
};

/// Refuses a checkpoint that has more than its graph would compute; otherwise a classifier would
/// silently become an encoder. Decides by `architectures` of the config; if that names no known
/// class, by tensors of heads at the root or after the prefix `outside`.
///
/// Fails with kUnsupported, naming the class or the tensor, unless the caller wants the encoder
/// alone.
Status check_head(const FamilyInput& input, const HeadClasses& classes, const std::string& outside);

}  // namespace lanewise::converters
