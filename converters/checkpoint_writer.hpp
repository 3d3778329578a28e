#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/source.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A tensor to write, whose elements are read when its file is written.
struct WrittenTensor {
  std::string name;
  size_t bytes = 0;
  std::function<Result<TensorView>(Scratch& scratch)> read;
};

/// Everything in a folder of Transformers.
struct CheckpointFiles {
  std::map<std::string, std::string> texts;  ///< by name, such as `1_Pooling/config.json`
  std::vector<WrittenTensor> tensors;
  std::string weights_folder;  ///< where the tensors are, within the folder; usually ""
};

/// Writes a folder: the texts, and model.safetensors or shards of it with an index. It appears
/// completely or not at all; it must not exist, or be empty. Fails as AtomicFolder does.
Status write_checkpoint_files(const CheckpointFiles& files, const std::string& folder);

/// The names by which Transformers saves tensors: without those of wrappers around the model.
class ModelNames {
 public:
  /// `tensors`: all that the model reads.
  ModelNames(const std::vector<ExpectedTensor>& tensors, std::string_view model_type);

  std::string operator()(const std::string& name) const;

 private:
  std::string prefix_;
};

/// The config of a checkpoint whose weights are not quantised. `is_f32`: they may be f32, whatever
/// it says.
std::string plain_config(const Config& config, bool is_f32);

/// The files beside the weights, by their names in the folder: settings, tokenizers, and all in the
/// folders of sentence-transformers' modules. Not config.json.
Result<std::map<std::string, std::string>> texts_beside(Source& source);

/// Writes an opened checkpoint to a folder that Transformers loads: config.json, model.safetensors
/// or shards of it with an index, and the files of tokenizer, generation and sentence-transformers
/// that the source has, in the folders where they are.
///
/// Tensors have the names by which Transformers saves the model: without those of wrappers around
/// it. Their types are those of the source where it stores numbers; quantised, merged and computed
/// weights become f32, and the config says so. Constants of programs are left out.
///
/// `folder` appears completely or not at all: it is written under a temporary name beside it. It
/// must not exist, or be empty. Fails with kInvalidArgument otherwise; with kUnsupported for plain
/// modules, whose names only their author's program knows; as AtomicFile does.
Status write_checkpoint(Source& source, const FamilyModel& model, const std::string& folder);

}  // namespace lanewise::converters
