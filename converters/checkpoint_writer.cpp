#include "converters/checkpoint_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/files.hpp"
#include "converters/folder_files.hpp"
#include "converters/formats/elements.hpp"
#include "runtime/file/atomic_file.hpp"
#include "runtime/file/atomic_folder.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using Json = base::JsonTree;

/// Transformers' own limit for a file.
constexpr size_t kShardBytes = size_t{5} << 30;

bool is_plain_module(const FamilyModel& model) { return model.strict; }

/// The dotted parts that all names begin with.
std::string common_prefix(const std::vector<ExpectedTensor>& tensors) {
  if (tensors.empty()) return "";
  std::string common = tensors.front().name;
  for (const ExpectedTensor& tensor : tensors) {
    const auto [end, other] = std::ranges::mismatch(common, tensor.name);
    common.erase(end, common.end());
  }
  const size_t dot = common.rfind('.');
  return dot == std::string::npos ? "" : common.substr(0, dot + 1);
}

/// What a training program put before the names: the common prefix, less a part of it that is the
/// class's own, as `model.` is for LlamaForCausalLM with a tied head.
std::string foreign_prefix(const std::vector<ExpectedTensor>& tensors, std::string_view base) {
  std::string common = common_prefix(tensors);
  const auto begins_with_base = [&](const ExpectedTensor& tensor) {
    return std::string_view(tensor.name).substr(common.size()).starts_with(base);
  };
  if (std::ranges::any_of(tensors, begins_with_base)) return common;
  const bool ends = common == base || common.ends_with("." + std::string(base));
  return ends ? common.substr(0, common.size() - base.size()) : common;
}

/// All but constants of programs and what cannot be read.
Result<std::vector<WrittenTensor>> list_tensors(const Checkpoint& checkpoint,
                                                const FamilyModel& model,
                                                std::string_view model_type) {
  const ModelNames names(model.tensors, model_type);
  std::vector<WrittenTensor> list;
  std::set<std::string> known;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (tensor.is_constant || !tensor.foreign_type.empty()) continue;
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(tensor.shape));
    std::string name = names(tensor.name);
    if (!known.insert(name).second) {
      return invalid_argument("two tensors would be called " + in_quotes(name));
    }
    list.push_back(
        {std::move(name), static_cast<size_t>(count) * size_of(tensor.type),
         [&checkpoint, &tensor](Scratch& scratch) { return checkpoint.read(tensor, scratch); }});
  }
  return list;
}

Status write_file(const std::string& path, std::span<const WrittenTensor> tensors) {
  std::vector<file::SafetensorsInput> inputs;
  std::vector<std::unique_ptr<Scratch>> owned;
  for (const WrittenTensor& one : tensors) {
    owned.push_back(std::make_unique<Scratch>());
    LW_ASSIGN_OR_RETURN(const TensorView view, one.read(*owned.back()));
    inputs.push_back({one.name, view});
  }
  LW_ASSIGN_OR_RETURN(file::AtomicFile out, file::AtomicFile::create(path));
  LW_RETURN_IF_ERROR(file::write_safetensors(out, {{"format", "pt"}}, inputs, 1));
  return out.commit();
}

Status make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return error ? base::os_error("create", path, error.value()) : Status();
}

Status write_text(const std::string& path, std::string_view text) {
  LW_RETURN_IF_ERROR(make_folders(parent_folder(path)));
  LW_ASSIGN_OR_RETURN(file::AtomicFile out, file::AtomicFile::create(path));
  LW_RETURN_IF_ERROR(out.write(std::as_bytes(std::span(text))));
  return out.commit();
}

/// Where each file of shards ends in the list.
std::vector<size_t> shard_ends(const std::vector<WrittenTensor>& tensors) {
  std::vector<size_t> ends;
  size_t bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (bytes != 0 && bytes + tensors[i].bytes > kShardBytes) {
      ends.push_back(i);
      bytes = 0;
    }
    bytes += tensors[i].bytes;
  }
  ends.push_back(tensors.size());
  return ends;
}

/// `model-00001-of-00003.safetensors`
std::string shard_name(size_t number, size_t count) {
  const auto padded = [](size_t value) {
    const std::string digits = std::to_string(value);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  };
  return "model-" + padded(number) + "-of-" + padded(count) + ".safetensors";
}

Status write_weights(const std::string& folder, const std::vector<WrittenTensor>& tensors) {
  const std::vector<size_t> ends = shard_ends(tensors);
  if (ends.size() == 1) return write_file(join(folder, "model.safetensors"), tensors);
  std::vector<std::pair<std::string, std::string>> places;
  size_t total = 0;
  for (size_t shard = 0, begin = 0; shard < ends.size(); begin = ends[shard++]) {
    const std::string name = shard_name(shard + 1, ends.size());
    const std::span part = std::span(tensors).subspan(begin, ends[shard] - begin);
    LW_RETURN_IF_ERROR(write_file(join(folder, name), part));
    for (const WrittenTensor& one : part) {
      places.emplace_back(one.name, name);
      total += one.bytes;
    }
  }
  Json index = Json::object();
  index.set("metadata", Json::object({{"total_size", total}}));
  index.set("weight_map", Json::object_of(places));
  return write_text(join(folder, "model.safetensors.index.json"), index.text());
}

/// All files of the folders with chat templates and with modules of sentence-transformers.
Result<std::set<std::string>> files_in_folders(Source& source) {
  std::vector<std::string> folders = {kChatTemplateFolder};
  if (is_sentence_folder(source.folder)) {
    LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(source.folder));
    for (const SentenceModule& module : modules) {
      if (module.path != source.subfolder && !module.path.empty()) folders.push_back(module.path);
    }
  }
  std::set<std::string> names;
  for (const std::string& folder : folders) {
    for (const std::string& name : source.folder.files_in(folder)) {
      names.insert(join(folder, name));
    }
  }
  return names;
}

bool is_computed(const CheckpointTensor& tensor) {
  return !tensor.computed_from.empty() || tensor.blocks != nullptr;
}

}  // namespace

ModelNames::ModelNames(const std::vector<ExpectedTensor>& tensors, std::string_view model_type)
    : prefix_(foreign_prefix(tensors, base_prefix_of(model_type))) {}

std::string ModelNames::operator()(const std::string& name) const {
  return name.starts_with(prefix_) ? name.substr(prefix_.size()) : name;
}

std::string plain_config(const Config& config, bool is_f32) {
  Json changed = Json::object();
  for (const auto& [name, value] : config.json().members()) {
    const bool is_type = name == "dtype" || name == "torch_dtype";
    if (name == "quantization_config" || (is_f32 && is_type)) continue;
    changed.set(name, Json::of(value));
  }
  // Transformers would otherwise round weights to the type of the source.
  if (is_f32) {
    changed.set("dtype", "float32");
    changed.set("torch_dtype", "float32");
  }
  return changed.text();
}

Result<std::map<std::string, std::string>> texts_beside(Source& source) {
  LW_ASSIGN_OR_RETURN(std::set<std::string> names, files_in_folders(source));
  for (const std::string& name : files_beside_weights()) {
    names.insert(name);
    names.insert(join(source.subfolder, name));
  }
  for (const std::string& name : source.folder.made_names()) names.insert(name);
  for (const std::string& path : source.folder.used_files()) {
    const std::string name =
        std::filesystem::path(path).lexically_relative(source.folder.root()).generic_string();
    const bool is_in_folder = name.find('/') != std::string::npos;
    if (is_in_folder && stays_inside(name)) names.insert(name);
  }
  for (const std::string& folder : {std::string(), source.subfolder}) {
    names.erase(join(folder, "config.json"));
  }
  const auto files = source.checkpoint->files();
  std::map<std::string, std::string> texts;
  for (const std::string& name : names) {
    const std::string path = source.folder.path(name);
    if (!source.folder.has_path(path)) continue;
    if (std::ranges::find(files, path) != files.end()) continue;
    LW_ASSIGN_OR_RETURN(texts[name], source.folder.text(path));
  }
  return texts;
}

Status write_checkpoint_files(const CheckpointFiles& files, const std::string& folder) {
  LW_ASSIGN_OR_RETURN(file::AtomicFolder made, file::AtomicFolder::create(folder));
  for (const auto& [name, text] : files.texts) {
    LW_RETURN_IF_ERROR(write_text(join(made.path(), name), text));
  }
  const std::string weights = join(made.path(), files.weights_folder);
  LW_RETURN_IF_ERROR(make_folders(weights));
  LW_RETURN_IF_ERROR(write_weights(weights, files.tensors));
  return made.commit();
}

Status write_checkpoint(Source& source, const FamilyModel& model, const std::string& folder) {
  if (is_plain_module(model)) {
    return unsupported("a checkpoint of " + in_quotes(source.family->name) +
                       " is not written again: only its own program knows its form");
  }
  CheckpointFiles files;
  LW_ASSIGN_OR_RETURN(const std::string model_type, source.config.text("model_type", ""));
  LW_ASSIGN_OR_RETURN(files.tensors, list_tensors(*source.checkpoint, model, model_type));
  LW_ASSIGN_OR_RETURN(files.texts, texts_beside(source));
  const bool is_f32 = std::ranges::any_of(source.checkpoint->tensors(), is_computed);
  files.texts[join(source.subfolder, "config.json")] = plain_config(source.config, is_f32);
  files.weights_folder = source.subfolder;
  return write_checkpoint_files(files, folder);
}

}  // namespace lanewise::converters
