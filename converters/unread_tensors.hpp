#pragma once

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/report.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// For a model that is FamilyModel::strict: kInvalidArgument for tensors that neither its graph
/// reads nor its `ignore` names, listing the first ten, and for an entry of `ignore` that names
/// nothing but tensors that are read. What `ignore` names is among the leftovers then.
///
/// report  is told which entries name no tensor at all: a config may serve checkpoints of several
///         ages.
Status check_unread(FamilyModel& model, const Checkpoint& checkpoint, const Config& config,
                    const Report& report);

}  // namespace lanewise::converters
