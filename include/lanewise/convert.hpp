#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/chat.hpp"
#include "lanewise/export.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/limits.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tokenizer.hpp"

/// Converts checkpoints to models. Part of the library lanewise::converters.

namespace lanewise {

struct ConvertOptions {
  /// Storage format of the weights of linear and recurrent layers: f32, bf16, int8 or int4
  /// (docs/quantisation.md); or keep: the values that the checkpoint stores in f16, bf16 or blocks
  /// of GGUF, without rounding. Empty: keep for GGUF, f32 for other checkpoints.
  std::string weights;
  /// int4: how many inputs share a scale: 32, 64 or 128. 0: 32, for decoders alone in a format of
  /// 4.5 bits (docs/quantisation.md).
  int group = 0;
  /// int8, int4: a UTF-8 file of calibration texts, one per line; empty: built-in texts.
  std::string calibrate;
  /// int8, int4: the largest acceptable relative error of the outputs, > 0. The weights that
  /// contribute most to it are kept at higher precision until the error is within this limit; if
  /// that is not enough, convert() fails. Not set: 0.04 for int8 and 0.11 for int4, and exceeding
  /// them is reported but is not an error.
  std::optional<double> max_error;
  std::string config;  ///< a config.json to use instead of the folder's; empty: the folder's
  /// The base model of an adapter (PEFT's LoRA): a folder or file. Empty: the folder that the
  /// adapter's base_model_name_or_path names, relative to the adapter's folder.
  std::string base;
  /// Take the averaged weights (EMA) of a training checkpoint that has them beside the plain ones.
  bool ema = false;
  ConvertLimits limits;
  /// Which part of the checkpoint to convert. "encoder": the encoder without the head of a
  /// classifier or masked language model. Empty: everything; an unsupported head is then an error.
  std::string as;
  /// int8, int4: threads for quantisation; 0: the CPUs that the process may use. The result does
  /// not depend on it.
  int threads = 0;
  OpenOptions open;  ///< load(): how to open a file that is already a model
  /// Receives messages for the user: unused tensors, defaults chosen. May be empty.
  std::function<void(std::string_view)> report;
  /// Receives warnings, one line each: reasons why the model's results differ from what its files
  /// suggest, such as a LoRA adapter that is not applied. Separate from `report`, so that silencing
  /// one does not silence the other; if empty, `report` receives them.
  std::function<void(std::string_view)> warn;
  /// Checked before each weight is quantised and before the file is committed; soon after it
  /// becomes true the conversion fails with kCancelled.
  const std::atomic<bool>* cancel = nullptr;
};

/// Converts a checkpoint to a model file. `source` is a folder or a file as PyTorch users save it.
///
/// For int8 and int4, the outputs on held-out texts are compared with those of the f32 model; the
/// error is reported and stored in the file. `destination` is created only on success. Fails with
/// kNotFound, kDataLoss or kInvalidArgument, and the message names the file, tensor or config
/// field; with kUnsupported for an unknown model_type, and the message lists the known ones.
LANEWISE_EXPORT Status convert(const std::string& source, const std::string& destination,
                               const ConvertOptions& options = {});

/// Writes a checkpoint again as a folder that Transformers loads, with plain safetensors: from any
/// format, with adapters merged and quantised weights unpacked to f32, under the names of
/// Transformers. Of `options`, what concerns opening the source counts.
///
/// `folder` appears completely or not at all; it must not exist, or be empty. Fails as convert()
/// does, and with kUnsupported for plain modules. A model file is written with f32 weights.
LANEWISE_EXPORT Status export_checkpoint(const std::string& source, const std::string& folder,
                                         const ConvertOptions& options = {});

/// Returns what ConvertOptions::weights can be: keep, f32, bf16, int8, int4.
LANEWISE_EXPORT std::span<const std::string_view> weight_choices() noexcept;

/// Opens a model file, or converts a checkpoint in memory. Fails as Model::open() and convert() do.
LANEWISE_EXPORT Result<Model> load(const std::string& path, const ConvertOptions& options = {});

/// Returns the tokenizer for the texts that a checkpoint or model file reads, without loading its
/// weights. Fails with kNotFound for a model without a tokenizer, and as load() does.
LANEWISE_EXPORT Result<Tokenizer> load_tokenizer(const std::string& path,
                                                 const ConvertOptions& options = {});

/// A tensor of a checkpoint.
struct StoredTensorInfo {
  std::string name;     ///< in the file
  std::string read_as;  ///< the name by which the model's family reads it, often the same
  std::string type;     ///< in the file: `F32`, `F16`, `Q4_K`, ...
  Shape shape;          ///< in the file
  /// What the model file has of it: `linear weight, int8`; or why it is ignored: `ignored: not a
  /// weight`, `ignored: unused by the model`, `ignored: constant of the program`.
  std::string becomes;
};

/// What a checkpoint holds.
struct CheckpointContents {
  std::string architecture;  ///< of a GGUF, in its own words; empty for other formats
  std::string family;        ///< as in ModelInfo
  std::string task;          ///< as in ModelInfo
  /// The tokenizer's kind and size: `BPE, 49152 tokens`; of a GGUF after the names that the file
  /// has for it. Empty if there is none.
  std::string tokenizer;
  /// The classes that config.json names, whose head the model has: `BertModel`. May be empty.
  std::vector<std::string> classes;
  std::vector<OutputInfo> outputs;        ///< of the model, as in ModelInfo
  std::vector<std::string> files;         ///< that hold the tensors
  std::vector<StoredTensorInfo> tensors;  ///< sorted by `read_as`
  /// The size of the model file with ConvertOptions::weights, to a few percent. Quantisation keeps
  /// some weights at higher precision.
  int64_t model_bytes = 0;
};

/// Returns what a checkpoint holds, without reading its weights, if it can be converted. Fails as
/// convert() does, and with kInvalidArgument for a model file. Thread-safe.
LANEWISE_EXPORT Result<CheckpointContents> describe_checkpoint(const std::string& source,
                                                               const ConvertOptions& options = {});

/// Returns the chat template of a checkpoint or model file, without loading its weights. Fails as
/// ChatTemplate::of() and load() do.
LANEWISE_EXPORT Result<ChatTemplate> load_chat_template(const std::string& path,
                                                        const ConvertOptions& options = {});

/// Returns the graph of a checkpoint as its family builds it, before any fusion. Fails as load()
/// does.
LANEWISE_EXPORT Result<ModelGraph> textbook_graph(const std::string& source,
                                                  const ConvertOptions& options = {});

/// Returns the graph of a checkpoint as its family builds it, before any fusion, one node per line.
LANEWISE_EXPORT Result<std::string> describe_textbook_graph(const std::string& source,
                                                            const ConvertOptions& options = {});

}  // namespace lanewise
