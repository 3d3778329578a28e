#pragma once

#include <string>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// JSON for a model file: the files that a model was made from, with their SHA-256. Names are
/// relative to `folder`. For files elsewhere only the last part of the path is kept, because the
/// rest describes a machine rather than a model.
Result<std::string> provenance_json(const std::string& folder,
                                    const std::vector<std::string>& paths);

}  // namespace lanewise::converters
