#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

/// Checkpoints in, models out. Lives in the library lanewise::converters.

namespace lanewise {

struct ConvertOptions {
  std::string weights = "f32";  ///< element type of the stored weights
  std::string config;           ///< a config.json to use instead of the folder's; empty: none
  /// Receives what a person should know: unused tensors, chosen defaults. May be empty.
  std::function<void(std::string_view)> report;
};

/// Converts a checkpoint, a folder or a file as PyTorch users save it, into a model file.
///
/// `destination` appears only when all went well. Fails with kNotFound, kDataLoss or
/// kInvalidArgument naming the file, tensor or config field; kUnsupported for an unknown
/// model_type, listing the known ones.
LANEWISE_EXPORT Status convert(const std::string& source, const std::string& destination,
                               const ConvertOptions& options = {});

/// Opens a model file, or converts a checkpoint in memory.
LANEWISE_EXPORT Result<Model> load(const std::string& path, const ConvertOptions& options = {});

/// The graph of a checkpoint as its family writes it, before any fusion, one line a node.
LANEWISE_EXPORT Result<std::string> describe_textbook_graph(const std::string& source,
                                                            const ConvertOptions& options = {});

}  // namespace lanewise
