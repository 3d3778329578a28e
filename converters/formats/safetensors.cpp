// Checkpoints in safetensors files: one, or several shards with an index
// (https://huggingface.co/docs/safetensors). The bytes themselves are read by runtime/file.

#include <algorithm>
#include <map>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/formats/shards.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kSuffixes[] = {".safetensors"};
/// Transformers' own names, in its order.
constexpr std::string_view kNames[] = {"model.safetensors", "model.safetensors.index.json"};

/// PEFT's, which are not models.
constexpr std::string_view kOthers[] = {"adapter_model.safetensors"};

class SafetensorsCheckpoint final : public Checkpoint {
 public:
  SafetensorsCheckpoint(const std::string& path, file::MappedFile mapped,
                        file::SafetensorsView view)
      : mapped_(std::move(mapped)), view_(std::move(view)), files_{path} {
    for (const file::TensorEntry& entry : view_.tensors()) {
      tensors_.push_back({entry.name, entry.type, entry.shape});
    }
    for (const file::TensorEntry& entry : view_.foreign()) {
      tensors_.push_back({entry.name, DataType::kU8, entry.shape, entry.foreign_type});
    }
    add_tied_names();
    std::sort(tensors_.begin(), tensors_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch&) const override {
    if (!tensor.foreign_type.empty()) return foreign_error(tensor);
    const auto tied = tied_names_.find(tensor.name);
    const file::TensorEntry* entry =
        view_.find(tied == tied_names_.end() ? tensor.name : tied->second);
    if (entry == nullptr) return not_found("tensor " + base::in_quotes(tensor.name));
    return view_.view(*entry);
  }

  void release_pages() const noexcept override { mapped_.release_pages(); }

 private:
  /// safetensors.torch.save_model() stores one of the tensors that share memory, and maps the
  /// others to it in the metadata. Other metadata does not name tensors.
  void add_tied_names() {
    for (const auto& [removed, kept] : view_.metadata()) {
      const file::TensorEntry* entry = view_.find(kept);
      if (entry == nullptr || view_.find(removed) != nullptr || is_foreign(removed)) continue;
      tensors_.push_back({removed, entry->type, entry->shape});
      tied_names_.emplace(removed, kept);
    }
  }

  bool is_foreign(std::string_view name) const {
    const auto all = view_.foreign();
    return std::binary_search(all.begin(), all.end(), name, ByName());
  }

  struct ByName {
    bool operator()(const file::TensorEntry& a, std::string_view b) const { return a.name < b; }
    bool operator()(std::string_view a, const file::TensorEntry& b) const { return a < b.name; }
  };

  file::MappedFile mapped_;
  file::SafetensorsView view_;
  std::vector<std::string> files_;
  std::vector<CheckpointTensor> tensors_;
  std::map<std::string, std::string, std::less<>> tied_names_;  // removed name -> kept name
};

Result<std::unique_ptr<Checkpoint>> open_one(const std::string& path) {
  LW_ASSIGN_OR_RETURN(file::MappedFile mapped, file::MappedFile::open(path));
  LW_ASSIGN_OR_RETURN(file::SafetensorsView view,
                      file::SafetensorsView::parse(mapped.bytes(), path));
  return std::unique_ptr<Checkpoint>(
      std::make_unique<SafetensorsCheckpoint>(path, std::move(mapped), std::move(view)));
}

Result<std::unique_ptr<Checkpoint>> open(const std::string& path) {
  return path.ends_with(kIndexSuffix) ? open_shards(path, open_one) : open_one(path);
}

Result<std::string> find(const std::string& folder) {
  return find_weights(folder, kNames, kSuffixes, kOthers);
}

/// Eight bytes of header length, below 2^32, then the header, which is a JSON object.
bool has_content(std::span<const std::byte> head) {
  return head.size() > 8 && head[8] == std::byte{'{'} && head[4] == std::byte{0} &&
         head[5] == std::byte{0} && head[6] == std::byte{0} && head[7] == std::byte{0};
}

bool has_name(std::string_view name) {
  return ends_in_one_of(name, kSuffixes) || name.ends_with(kIndexSuffix);
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
