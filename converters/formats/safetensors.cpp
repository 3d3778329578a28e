// Checkpoints in safetensors files: one, or several shards with an index
// (https://huggingface.co/docs/safetensors). The bytes themselves are read by runtime/file.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "converters/config.hpp"
#include "converters/files.hpp"
#include "converters/formats/checkpoint.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/messages.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";

struct Shard {
  file::MappedFile mapped;
  file::SafetensorsView view;
};

class SafetensorsCheckpoint final : public Checkpoint {
 public:
  Status add_shard(const std::string& path) {
    LW_ASSIGN_OR_RETURN(file::MappedFile mapped, file::MappedFile::open(path));
    LW_ASSIGN_OR_RETURN(file::SafetensorsView view,
                        file::SafetensorsView::parse(mapped.bytes(), path));
    for (const file::TensorEntry& entry : view.tensors()) {
      if (!where_.emplace(entry.name, shards_.size()).second) {
        return data_loss(file::in_quotes(path) + ": tensor " + file::in_quotes(entry.name) +
                         " is in another shard too");
      }
      tensors_.push_back({entry.name, entry.type, entry.shape});
    }
    shards_.push_back({std::move(mapped), std::move(view)});
    files_.push_back(path);
    return {};
  }

  void add_index_file(const std::string& path) { files_.push_back(path); }

  /// After the last shard.
  std::unique_ptr<Checkpoint> finish() && {
    std::sort(tensors_.begin(), tensors_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return std::make_unique<SafetensorsCheckpoint>(std::move(*this));
  }

  /// The path of the file that holds `name`, or "".
  std::string file_of(const std::string& name) const {
    const auto found = where_.find(name);
    return found == where_.end() ? "" : files_[found->second];
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch&) const override {
    const auto found = where_.find(tensor.name);
    if (found == where_.end()) return not_found("tensor " + file::in_quotes(tensor.name));
    const file::SafetensorsView& view = shards_[found->second].view;
    return view.view(*view.find(tensor.name));
  }

 private:
  std::vector<Shard> shards_;
  std::vector<std::string> files_;  // Shards first, in their order.
  std::map<std::string, size_t, std::less<>> where_;
  std::vector<CheckpointTensor> tensors_;
};

/// What the index promises must be in the shard that it names.
Status check_index(const SafetensorsCheckpoint& checkpoint, const std::string& index_path,
                   const std::map<std::string, std::string>& weight_map) {
  const std::string folder = parent_folder(index_path);
  for (const auto& [tensor, shard] : weight_map) {
    if (checkpoint.file_of(tensor) != join(folder, shard)) {
      return data_loss(file::in_quotes(index_path) + ": tensor " + file::in_quotes(tensor) +
                       " is not in " + file::in_quotes(shard));
    }
  }
  return {};
}

Result<std::set<std::string>> shard_names(const std::string& index_path,
                                          const std::map<std::string, std::string>& weight_map) {
  std::set<std::string> names;
  std::string missing;
  for (const auto& [tensor, shard] : weight_map) {
    if (!names.insert(shard).second) continue;
    if (!stays_inside(shard)) {
      return invalid_argument(file::in_quotes(index_path) + ": shard " + file::in_quotes(shard) +
                              " must be a file name in this folder");
    }
    if (!is_file(join(parent_folder(index_path), shard))) {
      missing.append(missing.empty() ? "" : ", ").append(file::in_quotes(shard));
    }
  }
  if (missing.empty()) return names;
  return not_found(file::in_quotes(index_path) + ": these shards are missing: " + missing);
}

Result<std::unique_ptr<Checkpoint>> open_sharded(const std::string& path) {
  LW_ASSIGN_OR_RETURN(const std::string text, read_text(path));
  LW_ASSIGN_OR_RETURN(const Config index, Config::parse(text, path));
  if (!index.has("weight_map")) return index.wrong("weight_map", "an object of strings");
  LW_ASSIGN_OR_RETURN(const auto weight_map, index.text_map("weight_map"));
  LW_ASSIGN_OR_RETURN(const std::set<std::string> names, shard_names(path, weight_map));
  SafetensorsCheckpoint checkpoint;
  for (const std::string& name : names) {
    LW_RETURN_IF_ERROR(checkpoint.add_shard(join(parent_folder(path), name)));
  }
  LW_RETURN_IF_ERROR(check_index(checkpoint, path, weight_map));
  checkpoint.add_index_file(path);
  return std::move(checkpoint).finish();
}

Result<std::unique_ptr<Checkpoint>> open(const std::string& path) {
  if (path.ends_with(kIndexSuffix)) return open_sharded(path);
  SafetensorsCheckpoint checkpoint;
  LW_RETURN_IF_ERROR(checkpoint.add_shard(path));
  return std::move(checkpoint).finish();
}

/// Transformers' own names first, in its order; then any file, if it is the only one.
Result<std::string> find(const std::string& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (is_file(join(folder, name))) return join(folder, name);
  }
  LW_ASSIGN_OR_RETURN(std::vector<std::string> names, list_files(folder));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(kSuffix); });
  if (names.empty()) return std::string();
  if (names.size() == 1) return join(folder, names.front());
  std::string list;
  for (const std::string& name : names) {
    list.append(list.empty() ? "" : ", ").append(file::in_quotes(name));
  }
  return invalid_argument(file::in_quotes(folder) +
                          " holds several checkpoints, name one: " + list);
}

/// Eight bytes of header length, below 2^32, then the header, which is a JSON object.
bool has_content(std::span<const std::byte> head) {
  return head.size() > 8 && head[8] == std::byte{'{'} && head[4] == std::byte{0} &&
         head[5] == std::byte{0} && head[6] == std::byte{0} && head[7] == std::byte{0};
}

bool has_name(std::string_view name) {
  return name.ends_with(kSuffix) || name.ends_with(kIndexSuffix);
}

}  // namespace

const Format& safetensors_format() {
  static const Format format = {
      "safetensors",
      "model.safetensors, model.safetensors.index.json or one other .safetensors file",
      find,
      has_content,
      has_name,
      open};
  return format;
}

}  // namespace lanewise::converters
