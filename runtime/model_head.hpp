#pragma once

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::internal {

/// The part `head` of a model file's task. Fails with kDataLoss for a value that no converter
/// writes; its ids and lengths are within those of `info`, which is read already.
Result<HeadInfo> parse_head(const base::JsonFields& fields, const ModelInfo& info);

/// The opposite. Fields without a value are left out.
base::JsonTree head_to_json(const HeadInfo& head);

}  // namespace lanewise::internal
