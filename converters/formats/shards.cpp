#include "converters/formats/shards.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/config.hpp"
#include "converters/files.hpp"

namespace lanewise::converters {
namespace {

class ShardedCheckpoint final : public Checkpoint {
 public:
  Status add_shard(const std::string& path, std::unique_ptr<Checkpoint> shard) {
    for (const CheckpointTensor& tensor : shard->tensors()) {
      if (!where_.emplace(tensor.name, shards_.size()).second) {
        return data_loss(base::in_quotes(path) + ": tensor " + base::in_quotes(tensor.name) +
                         " is in another shard too");
      }
      tensors_.push_back(tensor);
    }
    notes_.insert(notes_.end(), shard->notes().begin(), shard->notes().end());
    shards_.push_back(std::move(shard));
    files_.push_back(path);
    return {};
  }

  void note(std::string line) { notes_.push_back(std::move(line)); }

  /// After the last shard.
  void finish(const std::string& index_path) {
    files_.push_back(index_path);
    std::sort(tensors_.begin(), tensors_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

  /// The path of the file that holds `name`, or "".
  std::string file_of(const std::string& name) const {
    const auto found = where_.find(name);
    return found == where_.end() ? "" : files_[found->second];
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }
  std::span<const std::string> notes() const noexcept override { return notes_; }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Checkpoint* shard, shard_of(tensor));
    return shard->read(*shard->find(tensor.name), scratch);
  }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Checkpoint* shard, shard_of(tensor));
    return shard->read_blocks(*shard->find(tensor.name), scratch);
  }

  void release_pages() const noexcept override {
    for (const auto& shard : shards_) shard->release_pages();
  }

 private:
  Result<const Checkpoint*> shard_of(const CheckpointTensor& tensor) const {
    const auto found = where_.find(tensor.name);
    if (found == where_.end()) return not_found("tensor " + base::in_quotes(tensor.name));
    return shards_[found->second].get();
  }

  std::vector<std::unique_ptr<Checkpoint>> shards_;
  std::vector<std::string> files_;  // shards first, in order
  std::vector<std::string> notes_;
  std::map<std::string, size_t, std::less<>> where_;
  std::vector<CheckpointTensor> tensors_;
};

/// A tensor in the index must be in the given shard or in none: an index may list both of two tied
/// tensors while the shards have one. The family reports tensors that are really missing.
Status check_index(ShardedCheckpoint& checkpoint, const std::string& index_path,
                   const std::map<std::string, std::string>& weight_map) {
  constexpr size_t kMostNamed = 10;
  const std::string folder = parent_folder(index_path);
  std::string absent;
  size_t count = 0;
  for (const auto& [tensor, shard] : weight_map) {
    const std::string file = checkpoint.file_of(tensor);
    if (file.empty()) {
      if (count++ < kMostNamed) absent += (count == 1 ? "" : ", ") + base::in_quotes(tensor);
    } else if (file != join(folder, shard)) {
      return data_loss(base::in_quotes(index_path) + ": tensor " + base::in_quotes(tensor) +
                       " is not in " + base::in_quotes(shard) + " but in " +
                       base::in_quotes(file_name(file)));
    }
  }
  if (count > kMostNamed) absent += " and " + std::to_string(count - kMostNamed) + " more";
  if (count > 0) {
    checkpoint.note(base::in_quotes(index_path) +
                    " lists tensors that are in none of the shards: " + absent);
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
      return invalid_argument(base::in_quotes(index_path) + ": shard " + base::in_quotes(shard) +
                              " must be a file name in this folder");
    }
    if (!is_file(join(parent_folder(index_path), shard))) {
      missing.append(missing.empty() ? "" : ", ").append(base::in_quotes(shard));
    }
  }
  if (missing.empty()) return names;
  return not_found(base::in_quotes(index_path) + ": these shards are missing: " + missing);
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> open_shards(const std::string& path, OpenCheckpoint* open_shard,
                                                const ReadOptions& options) {
  LW_ASSIGN_OR_RETURN(const std::string text, read_text(path));
  LW_ASSIGN_OR_RETURN(const Config index, Config::parse(text, path));
  if (!index.has("weight_map")) return index.wrong("weight_map", "an object of strings");
  LW_ASSIGN_OR_RETURN(const auto weight_map, index.text_map("weight_map"));
  LW_ASSIGN_OR_RETURN(const std::set<std::string> names, shard_names(path, weight_map));
  auto checkpoint = std::make_unique<ShardedCheckpoint>();
  for (const std::string& name : names) {
    const std::string shard_path = join(parent_folder(path), name);
    LW_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> shard,
                        open_or_explain(shard_path, open_shard, options));
    LW_RETURN_IF_ERROR(checkpoint->add_shard(shard_path, std::move(shard)));
  }
  LW_RETURN_IF_ERROR(check_index(*checkpoint, path, weight_map));
  checkpoint->finish(path);
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

Result<std::string> find_weights(const std::string& folder, std::span<const std::string_view> names,
                                 std::span<const std::string_view> suffixes,
                                 std::span<const std::string_view> others) {
  for (const std::string_view name : names) {
    const std::string path = join(folder, std::string(name));
    if (is_file(path)) return path;
  }
  LW_ASSIGN_OR_RETURN(std::vector<std::string> found, list_files(folder));
  std::erase_if(found, [&](const std::string& name) {
    return !ends_in_one_of(name, suffixes) ||
           std::find(others.begin(), others.end(), name) != others.end();
  });
  if (found.empty()) return std::string();
  if (found.size() == 1) return join(folder, found.front());
  std::string list;
  for (const std::string& name : found) {
    list.append(list.empty() ? "" : ", ").append(base::in_quotes(name));
  }
  return invalid_argument(base::in_quotes(folder) +
                          " holds several checkpoints, name one: " + list);
}

bool ends_in_one_of(std::string_view name, std::span<const std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

}  // namespace lanewise::converters
