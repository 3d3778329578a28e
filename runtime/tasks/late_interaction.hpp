#pragma once

#include <string_view>

#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise::tasks {

/// Adds a text to the batch as the model's late interaction reads it (ColBERT): a marker after the
/// first token, truncated to the limit of its kind, and a query filled up to that limit. Fails as
/// TextBatcher::add() does.
Status add_late(TextBatcher& batcher, std::string_view text, bool is_query,
                const RunOptions& options);

}  // namespace lanewise::tasks
