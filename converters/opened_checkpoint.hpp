#pragma once

#include <string>

#include "converters/report.hpp"
#include "converters/source.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// A checkpoint and the model that its family built.
struct Opened {
  Source source;
  FamilyModel model;
  Report report;
  bool keep;  ///< whether weights are kept as they are stored
};

/// Opens a checkpoint, lets its family build the model, and checks its tensors. `options` are checked
/// too. Reports what it finds, as ConvertOptions say.
Result<Opened> open_checkpoint(const std::string& path, const ConvertOptions& options);

/// The tokenizer as JSON; empty when the checkpoint has none. Opens it to check it: its files may
/// contradict each other, which should not first show up in the model file.
Result<std::string> tokenizer_json(Opened& opened);

/// The chat templates as JSON; empty when the checkpoint has none.
Result<std::string> chat_template_json(Opened& opened);

/// The graph after its passes.
graph::Graph optimized(const Opened& opened);

}  // namespace lanewise::converters
