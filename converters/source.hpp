#pragma once

#include <memory>
#include <string>
#include <vector>

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/source_folder.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A checkpoint, opened: a folder, or a file with its config beside it.
struct Source {
  SourceFolder folder;
  std::string subfolder;  ///< of folder, where config, tokenizer and weights are; usually ""
  Config config;
  std::string config_folder;  ///< path of the folder that contains the config
  const Family* family;
  std::unique_ptr<Checkpoint> checkpoint;
  /// Whether the weights are best kept as they are stored: somebody made them small on purpose.
  bool keeps_weights = false;
  std::string architecture = {};      ///< of a GGUF, as it calls it
  std::string tokenizer_name = {};    ///< of a GGUF
  std::vector<std::string> warnings;  ///< reasons why results may differ from what is expected
};

/// Options of open_source(), as in ConvertOptions.
struct SourceOptions {
  std::string config;  ///< replaces the folder's config.json
  std::string base;    ///< the folder of an adapter's base model; empty: the one that it names
  ReadOptions read;
};

/// Opens the checkpoint at `path`; an adapter (PEFT) merged into its base model. Fails with
/// kInvalidArgument for a model file and for a base without an adapter, and as find_family(),
/// open_checkpoint_*() and merge_adapter() do.
Result<Source> open_source(const std::string& path, const SourceOptions& options = {});

}  // namespace lanewise::converters
