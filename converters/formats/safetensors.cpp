// Checkpoints in safetensors files: one, or several shards with an index
// (https://huggingface.co/docs/safetensors). The bytes themselves are read by runtime/file.

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/formats/float8.hpp"
#include "converters/formats/shards.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kSafetensorsIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kSafetensorsSuffixes[] = {".safetensors"};
/// Transformers' own names, in its order.
constexpr std::string_view kSafetensorsNames[] = {"model.safetensors",
                                                  "model.safetensors.index.json"};

/// PEFT's, which are not models.
constexpr std::string_view kSafetensorsOthers[] = {"adapter_model.safetensors"};

class SafetensorsCheckpoint final : public Checkpoint {
 public:
  SafetensorsCheckpoint(const std::string& path, file::MappedFile mapped,
                        file::SafetensorsView view)
      : mapped_(std::move(mapped)), view_(std::move(view)), files_{path} {
    for (const file::TensorEntry& entry : view_.tensors()) {
      tensors_.push_back({entry.name, entry.type, entry.shape});
    }
    for (const file::TensorEntry& entry : view_.foreign()) {
      if (entry.foreign_type == float8_e4m3().name) {
        tensors_.push_back({entry.name, DataType::kF32, entry.shape, {}, &float8_e4m3()});
      } else {
        tensors_.push_back({entry.name, DataType::kU8, entry.shape, entry.foreign_type});
      }
    }
    add_tied_names();
    std::sort(tensors_.begin(), tensors_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    if (!tensor.foreign_type.empty()) return foreign_error(tensor);
    if (tensor.blocks != nullptr) {
      LW_ASSIGN_OR_RETURN(const auto blocks, read_blocks(tensor, scratch));
      return unpack_blocks(tensor, blocks, scratch);
    }
    const auto tied = tied_names_.find(tensor.name);
    const file::TensorEntry* entry =
        view_.find(tied == tied_names_.end() ? tensor.name : tied->second);
    if (entry == nullptr) return not_found("tensor " + base::in_quotes(tensor.name));
    return view_.view(*entry);
  }

  void release_pages() const noexcept override { mapped_.release_pages(); }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    const file::TensorEntry* entry = find_foreign(tensor.name);
    if (tensor.blocks == nullptr || entry == nullptr) {
      return Checkpoint::read_blocks(tensor, scratch);
    }
    return std::span(static_cast<const std::byte*>(view_.view(*entry).data),
                     entry->end - entry->begin);
  }

 private:
  /// safetensors.torch.save_model() stores one of the tensors that share memory, and maps the
  /// others to it in the metadata. Other metadata does not name tensors.
  void add_tied_names() {
    for (const auto& [removed, kept] : view_.metadata()) {
      const file::TensorEntry* entry = view_.find(kept);
      const bool is_there = view_.find(removed) != nullptr || find_foreign(removed) != nullptr;
      if (entry == nullptr || is_there) continue;
      tensors_.push_back({removed, entry->type, entry->shape});
      tied_names_.emplace(removed, kept);
    }
  }

  const file::TensorEntry* find_foreign(std::string_view name) const {
    const auto all = view_.foreign();
    const auto found = std::ranges::lower_bound(all, name, {}, &file::TensorEntry::name);
    return found == all.end() || found->name != name ? nullptr : &*found;
  }

  file::MappedFile mapped_;
  file::SafetensorsView view_;
  std::vector<std::string> files_;
  std::vector<CheckpointTensor> tensors_;
  std::map<std::string, std::string, std::less<>> tied_names_;  // removed name -> kept name
};

/// Before it is parsed. The length of the header is in the first eight bytes.
Status check_header(std::span<const std::byte> bytes, const std::string& path,
                    const ConvertLimits& limits) {
  uint64_t length = 0;
  if (bytes.size() < sizeof(length)) return {};
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > bytes.size() || length <= static_cast<uint64_t>(limits.header_bytes)) return {};
  return resource_exhausted(base::in_quotes(path) + ": header of " + std::to_string(length) +
                            " bytes, expected at most " + std::to_string(limits.header_bytes));
}

Result<std::unique_ptr<Checkpoint>> open_safetensors_one(const std::string& path,
                                                         const ReadOptions& options) {
  LW_ASSIGN_OR_RETURN(file::MappedFile mapped, file::MappedFile::open(path));
  LW_RETURN_IF_ERROR(check_header(mapped.bytes(), path, options.limits));
  LW_ASSIGN_OR_RETURN(file::SafetensorsView view,
                      file::SafetensorsView::parse(mapped.bytes(), path));
  return std::unique_ptr<Checkpoint>(
      std::make_unique<SafetensorsCheckpoint>(path, std::move(mapped), std::move(view)));
}

Result<std::unique_ptr<Checkpoint>> open_safetensors(const std::string& path,
                                                     const ReadOptions& options) {
  return path.ends_with(kSafetensorsIndexSuffix) ? open_shards(path, open_safetensors_one, options)
                                                 : open_safetensors_one(path, options);
}

Result<std::string> find_safetensors(const std::string& folder) {
  return find_weights(folder, kSafetensorsNames, kSafetensorsSuffixes, kSafetensorsOthers);
}

/// Eight bytes of header length, below 2^32, then the header, which is a JSON object.
bool has_safetensors_content(std::span<const std::byte> head) {
  return head.size() > 8 && head[8] == std::byte{'{'} && head[4] == std::byte{0} &&
         head[5] == std::byte{0} && head[6] == std::byte{0} && head[7] == std::byte{0};
}

bool has_safetensors_name(std::string_view name) {
  return ends_in_one_of(name, kSafetensorsSuffixes) || name.ends_with(kSafetensorsIndexSuffix);
}

}  // namespace

const Format& safetensors_format() {
  static const Format format = {
      "safetensors",
      "model.safetensors, model.safetensors.index.json or one other .safetensors file",
      find_safetensors,
      has_safetensors_content,
      has_safetensors_name,
      open_safetensors};
  return format;
}

}  // namespace lanewise::converters
