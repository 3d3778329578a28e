#pragma once

#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/report.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Compares the tensors that a family expects with those of the checkpoint: names, shapes, types.
///
/// Reports all differences in one message, which names the first ten of each kind. kNotFound if a
/// tensor is missing, otherwise kInvalidArgument.
Status check_tensors(const FamilyModel& model, const Checkpoint& checkpoint);

/// Reports every tensor that the graph does not read; known leftovers on a separate line.
void report_unused(const FamilyModel& model, const Checkpoint& checkpoint, const Report& report);

}  // namespace lanewise::converters
