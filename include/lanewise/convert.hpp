#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tokenizer.hpp"

/// Checkpoints in, models out. Lives in the library lanewise::converters.

namespace lanewise {

struct ConvertOptions {
  /// What weights of products are stored as: f32, bf16, int8 or int4 (docs/quantisation.md).
  std::string weights = "f32";
  int group = 32;         ///< int4: inputs that share a scale: 32, 64 or 128
  std::string calibrate;  ///< int8, int4: a UTF-8 file, a text a line; empty: built-in texts
  /// int8, int4: the relative error of the results that is allowed, above 0. Weights stay wider,
  /// the worst first, until it is kept. None: 0.04 and 0.11, as far as they can be kept.
  std::optional<double> max_error;
  std::string config;  ///< a config.json to use instead of the folder's; empty: none
  /// What of the checkpoint is wanted: "encoder" is its encoder alone, without the head of a
  /// classifier or masked-language model. Empty: all of it, and a head that is not supported is an
  /// error.
  std::string as;
  /// int8, int4: threads that look for the integers, which do not depend on them; 0: the CPUs that
  /// the process may use.
  int threads = 0;
  OpenOptions open;  ///< load(): how a file that is a model already is opened
  /// Receives what a person should know: unused tensors, chosen defaults. May be empty.
  std::function<void(std::string_view)> report;
  /// Receives, a line each, what makes the model's results other than its files let expect: an
  /// adapter (LoRA) that is not applied. Not to be silenced with `report`; empty: `report` gets it.
  std::function<void(std::string_view)> warn;
  /// Looked at before each weight that becomes integers and before the file appears; the conversion
  /// ends with kCancelled soon after it becomes true.
  const std::atomic<bool>* cancel = nullptr;
};

/// Converts a checkpoint, a folder or a file as PyTorch users save it, into a model file.
///
/// With integers, the model's results on texts are compared with those of f32; what was found is
/// reported and stored in the file. `destination` appears only when all went well. Fails with
/// kNotFound, kDataLoss or kInvalidArgument naming the file, tensor or config field; kUnsupported
/// for an unknown model_type, listing the known ones.
LANEWISE_EXPORT Status convert(const std::string& source, const std::string& destination,
                               const ConvertOptions& options = {});

/// Opens a model file, or converts a checkpoint in memory.
LANEWISE_EXPORT Result<Model> load(const std::string& path, const ConvertOptions& options = {});

/// The tokenizer of the texts that a checkpoint or a model file reads, without loading its weights.
///
/// Fails with kNotFound for a model without a tokenizer, and as load() does.
LANEWISE_EXPORT Result<Tokenizer> load_tokenizer(const std::string& path,
                                                 const ConvertOptions& options = {});

/// The graph of a checkpoint as its family writes it, before any fusion. Fails as load() does.
LANEWISE_EXPORT Result<ModelGraph> textbook_graph(const std::string& source,
                                                  const ConvertOptions& options = {});

/// The graph of a checkpoint as its family writes it, before any fusion, one line a node.
LANEWISE_EXPORT Result<std::string> describe_textbook_graph(const std::string& source,
                                                            const ConvertOptions& options = {});

}  // namespace lanewise
