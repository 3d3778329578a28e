#include "converters/checkpoint_writer.hpp"

#include <algorithm>
#include <array>
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
#include "converters/files.hpp"
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

/// Prefixes that the classes with a head put before the names of the model inside them.
constexpr auto kBasePrefixes = std::to_array<std::string_view>(
    {"albert.", "bert.", "deberta.", "distilbert.", "electra.", "gpt_neox.", "model.", "mpnet.",
     "roberta.", "roformer.", "transformer."});

/// Files beside the weights that are no part of them.
constexpr auto kBeside = std::to_array<const char*>(
    {"generation_config.json", "modules.json", "sentence_bert_config.json",
     "config_sentence_transformers.json", "tokenizer.json", "tokenizer_config.json",
     "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
     "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "source.spm", "target.spm",
     "target_vocab.json", "chat_template.jinja", "chat_template.json"});

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
std::string foreign_prefix(const std::vector<ExpectedTensor>& tensors) {
  const std::string common = common_prefix(tensors);
  const auto begins_with_base = [&](const ExpectedTensor& tensor) {
    return std::ranges::any_of(kBasePrefixes, [&](std::string_view base) {
      return std::string_view(tensor.name).substr(common.size()).starts_with(base);
    });
  };
  if (std::ranges::any_of(tensors, begins_with_base)) return common;
  for (const std::string_view base : kBasePrefixes) {
    const bool ends = common == base || common.ends_with("." + std::string(base));
    if (ends) return common.substr(0, common.size() - base.size());
  }
  return common;
}

/// One tensor to write. Its elements are read when its file is written.
struct Export {
  std::string name;
  const CheckpointTensor* tensor;
  DataType type;
  size_t bytes;
};

Result<std::vector<Export>> list_tensors(const Checkpoint& checkpoint, const FamilyModel& model) {
  const std::string prefix = foreign_prefix(model.tensors);
  std::vector<Export> list;
  std::set<std::string> names;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (tensor.is_constant || !tensor.foreign_type.empty()) continue;
    const bool has_prefix = tensor.name.starts_with(prefix);
    Export one{tensor.name.substr(has_prefix ? prefix.size() : 0), &tensor, tensor.type, 0};
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(tensor.shape));
    one.bytes = static_cast<size_t>(count) * size_of(one.type);
    if (!names.insert(one.name).second) {
      return invalid_argument("two tensors would be called " + in_quotes(one.name));
    }
    list.push_back(std::move(one));
  }
  return list;
}

/// The elements of the tensors of one file, until it is written.
struct Elements {
  std::vector<file::SafetensorsInput> inputs;
  std::vector<std::unique_ptr<Scratch>> owned;
};

Result<Elements> read_elements(const Checkpoint& checkpoint, std::span<const Export> tensors) {
  Elements elements;
  for (const Export& one : tensors) {
    auto scratch = std::make_unique<Scratch>();
    LW_ASSIGN_OR_RETURN(const TensorView view, checkpoint.read(*one.tensor, *scratch));
    elements.inputs.push_back({one.name, view});
    elements.owned.push_back(std::move(scratch));
  }
  return elements;
}

Status write_file(const std::string& path, const Checkpoint& checkpoint,
                  std::span<const Export> tensors) {
  LW_ASSIGN_OR_RETURN(const Elements elements, read_elements(checkpoint, tensors));
  LW_ASSIGN_OR_RETURN(file::AtomicFile out, file::AtomicFile::create(path));
  LW_RETURN_IF_ERROR(file::write_safetensors(out, {{"format", "pt"}}, elements.inputs, 1));
  return out.commit();
}

Status write_text(const std::string& path, std::string_view text) {
  std::error_code error;
  std::filesystem::create_directories(parent_folder(path), error);
  if (error) return base::os_error("create", parent_folder(path), error.value());
  LW_ASSIGN_OR_RETURN(file::AtomicFile out, file::AtomicFile::create(path));
  LW_RETURN_IF_ERROR(out.write(std::as_bytes(std::span(text))));
  return out.commit();
}

/// Where each file of shards ends in the list.
std::vector<size_t> shard_ends(const std::vector<Export>& tensors) {
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

Status write_weights(const std::string& folder, const Checkpoint& checkpoint,
                     const std::vector<Export>& tensors) {
  const std::vector<size_t> ends = shard_ends(tensors);
  if (ends.size() == 1) {
    return write_file(join(folder, "model.safetensors"), checkpoint, tensors);
  }
  std::vector<std::pair<std::string, std::string>> places;
  size_t total = 0;
  for (size_t shard = 0, begin = 0; shard < ends.size(); begin = ends[shard++]) {
    const std::string name = shard_name(shard + 1, ends.size());
    const std::span part = std::span(tensors).subspan(begin, ends[shard] - begin);
    LW_RETURN_IF_ERROR(write_file(join(folder, name), checkpoint, part));
    for (const Export& one : part) {
      places.emplace_back(one.name, name);
      total += one.bytes;
    }
  }
  Json index = Json::object();
  index.set("metadata", Json::object({{"total_size", total}}));
  index.set("weight_map", Json::object_of(places));
  return write_text(join(folder, "model.safetensors.index.json"), index.text());
}

/// The config of what is written: without quantisation, and with the type of computed weights, as
/// which Transformers would otherwise not load them.
std::string config_text(const Config& config, const std::vector<Export>& tensors) {
  const bool is_computed = std::ranges::any_of(tensors, [](const Export& one) {
    return !one.tensor->computed_from.empty() || one.tensor->blocks != nullptr;
  });
  Json changed = Json::object();
  for (const auto& [name, value] : config.json().members()) {
    const bool is_type = name == "dtype" || name == "torch_dtype";
    if (name == "quantization_config" || (is_computed && is_type)) continue;
    changed.set(name, Json::of(value));
  }
  if (is_computed) {
    changed.set("dtype", "float32");
    changed.set("torch_dtype", "float32");
  }
  return changed.text();
}

/// The files that the source has beside its weights, and those of its modules that were read.
Status write_beside(Source& source, const std::string& folder) {
  std::set<std::string> names(kBeside.begin(), kBeside.end());
  for (const std::string& name : source.folder.made_names()) names.insert(name);
  for (const std::string& path : source.folder.used_files()) {
    const std::string name =
        std::filesystem::path(path).lexically_relative(source.folder.root()).generic_string();
    const bool is_of_module = name.find('/') != std::string::npos;
    if (is_of_module && stays_inside(name)) names.insert(name);
  }
  const auto files = source.checkpoint->files();
  for (const std::string& name : names) {
    const std::string path = source.folder.path(join(source.subfolder, name));
    if (name == "config.json" || !source.folder.has_path(path)) continue;
    if (std::ranges::find(files, path) != files.end()) continue;
    LW_ASSIGN_OR_RETURN(const std::string text, source.folder.text(path));
    LW_RETURN_IF_ERROR(write_text(join(folder, name), text));
  }
  return {};
}

}  // namespace

Status write_checkpoint(Source& source, const FamilyModel& model, const std::string& folder) {
  if (is_plain_module(model)) {
    return unsupported("a checkpoint of " + in_quotes(source.family->name) +
                       " is not written again: only its own program knows its form");
  }
  LW_ASSIGN_OR_RETURN(const auto tensors, list_tensors(*source.checkpoint, model));
  LW_ASSIGN_OR_RETURN(file::AtomicFolder made, file::AtomicFolder::create(folder));
  LW_RETURN_IF_ERROR(
      write_text(join(made.path(), "config.json"), config_text(source.config, tensors)));
  LW_RETURN_IF_ERROR(write_beside(source, made.path()));
  LW_RETURN_IF_ERROR(write_weights(made.path(), *source.checkpoint, tensors));
  return made.commit();
}

}  // namespace lanewise::converters
