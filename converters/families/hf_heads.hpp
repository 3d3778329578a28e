#pragma once

#include <span>
#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What tells a class of Transformers with a head that no graph here has from the model itself.
struct HeadClasses {
  std::span<const std::string_view> without;  ///< classes that the graph is all of
  std::span<const std::string_view> tensors;  ///< beginnings of the names of heads' tensors
};

/// Refuses a checkpoint that is more than its graph would be: a classifier would silently become an
/// encoder. Told by `architectures` of the config; where that names no class that is known, by the
/// tensors of heads at the root or behind `outside`, what stands before a head's names.
///
/// kUnsupported names the class or the tensor, unless the caller wants the encoder alone.
Status check_head(const FamilyInput& input, const HeadClasses& classes, const std::string& outside);

}  // namespace lanewise::converters
