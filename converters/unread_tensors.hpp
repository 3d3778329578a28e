#pragma once

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/report.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Checks a model that is FamilyModel::strict. Fails with kInvalidArgument for tensors that neither
/// its graph reads nor `ignore` lists, naming the first ten, and for an entry of `ignore` that
/// matches only tensors that are read. Adds the ignored tensors to the leftovers.
///
/// report  receives the entries that match no tensor: a config may serve several versions of a
///         checkpoint.
Status check_unread(FamilyModel& model, const Checkpoint& checkpoint, const Config& config,
                    const Report& report);

}  // namespace lanewise::converters
