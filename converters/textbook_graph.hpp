#pragma once

#include <string>

#include "lanewise/convert.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// The graph of a checkpoint as its family writes it, before any fusion. Fails as load() does.
Result<graph::Graph> textbook_graph(const std::string& source, const ConvertOptions& options);

}  // namespace lanewise::converters
