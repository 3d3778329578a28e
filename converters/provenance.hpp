#pragma once

#include <string>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// JSON for a model file: which files a model was made from, with their SHA-256. Names are
/// relative to `folder`; of files elsewhere only the last part is kept, for a path says more about
/// a machine than about a model.
Result<std::string> provenance_json(const std::string& folder,
                                    const std::vector<std::string>& paths);

}  // namespace lanewise::converters
