#pragma once

#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/report.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Compares what a family expects with what the checkpoint holds, by names, shapes and types.
///
/// One message for everything that is wrong; of each kind it names the first ten. kNotFound when
/// something is missing, else kInvalidArgument.
Status check_tensors(const FamilyModel& model, const Checkpoint& checkpoint);

/// Reports every tensor that the graph does not read; known leftovers in a line of their own.
void report_unused(const FamilyModel& model, const Checkpoint& checkpoint, const Report& report);

}  // namespace lanewise::converters
