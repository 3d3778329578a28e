// State dicts as torch.save() writes them: .pt, .pth, .ckpt, pytorch_model.bin and its shards; the
// modules of TorchScript archives; programs of torch.export (exported_program.hpp). Their pickle is
// read without executing anything (pickle.hpp).

#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/formats/exported_program.hpp"
#include "converters/formats/float8.hpp"
#include "converters/formats/pytorch_file.hpp"
#include "converters/formats/shards.hpp"
#include "converters/formats/state_dict.hpp"
#include "converters/formats/zip_archive.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kPytorchIndexSuffix = ".bin.index.json";
constexpr std::string_view kPytorchSuffixes[] = {".pt", ".pth", ".bin", ".pt2"};
/// Trainers' names of checkpoints; used if no file has a name of the above.
constexpr std::string_view kTrainerSuffixes[] = {".ckpt", ".pth.tar", ".pt.tar"};
/// Transformers' own names, in its order.
constexpr std::string_view kPytorchNames[] = {"pytorch_model.bin", "pytorch_model.bin.index.json"};
/// Files that Transformers' Trainer and PEFT store beside the weights.
constexpr std::string_view kPytorchOthers[] = {
    "adapter_model.bin", "training_args.bin", "optimizer.bin", "optimizer.pt",
    "scheduler.bin",     "scheduler.pt",      "scaler.pt",     "rng_state.pth"};

class PytorchCheckpoint final : public Checkpoint {
 public:
  PytorchCheckpoint(const std::string& path, std::unique_ptr<PytorchFile> file)
      : file_(std::move(file)), files_{path} {}

  Status open(bool ema) {
    const Status status = find_tensors(ema);
    return status.ok() ? status : status.with_context(base::in_quotes(files_.front()));
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }
  std::span<const std::string> notes() const noexcept override { return notes_; }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr) return not_found("tensor " + base::in_quotes(tensor.name));
    if (!found->foreign_type.empty()) return foreign_error(*found);
    const PickledTensor& pickled =
        pickle().tensors[pickled_[static_cast<size_t>(found - tensors_.data())]];
    const PickledStorage& storage = pickle().storages[pickled.storage];
    if (found->blocks != nullptr) {
      Scratch codes;
      LW_ASSIGN_OR_RETURN(const auto blocks, read_blocks(*found, codes));
      return unpack_blocks(*found, blocks, scratch);
    }
    return read_elements(pickled, storage, scratch);
  }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr || found->blocks == nullptr) {
      return Checkpoint::read_blocks(tensor, scratch);
    }
    const PickledTensor& pickled =
        pickle().tensors[pickled_[static_cast<size_t>(found - tensors_.data())]];
    LW_ASSIGN_OR_RETURN(const TensorView codes,
                        read_elements(pickled, pickle().storages[pickled.storage], scratch));
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(codes.shape));
    return std::span(codes.as<std::byte>(), static_cast<size_t>(count));
  }

  void release_pages() const noexcept override { file_->release_pages(); }

 private:
  Result<TensorView> read_elements(const PickledTensor& pickled, const PickledStorage& storage,
                                   Scratch& scratch) const {
    Scratch unpacked;
    LW_ASSIGN_OR_RETURN(auto bytes, file_->storage(storage.key, unpacked));
    bytes = bytes.subspan(static_cast<size_t>(storage.first) * size_of(storage.type));
    const Elements elements{bytes, pickled.type, file_->big_endian()};
    TensorView view = dense_view(elements, pickled.elements, scratch);
    // Unpacked data that `view` refers to must stay alive; moving it keeps its address.
    if (!unpacked.empty() && view.data != scratch.data()) scratch = std::move(unpacked);
    return view;
  }

  const Pickle& pickle() const { return file_->pickle(); }

  Status find_tensors(bool ema) {
    LW_ASSIGN_OR_RETURN(
        const std::vector<StateDictEntry> entries,
        file_->is_script() ? find_script_tensors(pickle()) : find_state_dict(pickle(), ema));
    for (const StateDictEntry& entry : entries) {
      const PickledTensor& tensor = pickle().tensors[entry.tensor];
      pickled_.push_back(entry.tensor);
      if (!tensor.foreign_type.empty()) {
        tensors_.push_back(
            {entry.name, DataType::kU8, tensor.elements.shape, std::string(tensor.foreign_type)});
        continue;
      }
      const Status status = check_storage(pickle().storages[tensor.storage]);
      if (!status.ok()) return status.with_context("tensor " + base::in_quotes(entry.name));
      if (tensor.is_float8) {
        tensors_.push_back({entry.name, DataType::kF32, tensor.elements.shape, {}, &float8_e4m3()});
      } else {
        tensors_.push_back({entry.name, tensor.type, tensor.elements.shape});
      }
    }
    if (!file_->is_script()) note_inert_objects();
    return {};
  }

  void note_inert_objects() {
    constexpr size_t kMostNamed = 50;
    const auto& names = pickle().inert_names;
    if (names.empty()) return;
    std::string list;
    size_t named = 0;
    for (const std::string& name : names) {
      if (named++ == kMostNamed) break;
      list.append(list.empty() ? "" : ", ").append(base::in_quotes(name));
    }
    if (names.size() > kMostNamed) {
      list += " and " + std::to_string(names.size() - kMostNamed) + " more";
    }
    notes_.push_back(
        base::in_quotes(files_.front()) +
        ": contains Python objects beside the weights, which were not created: " + list);
  }

  /// The pickle's tensors were checked against its description of storages; this checks the
  /// storages.
  Status check_storage(const PickledStorage& storage) const {
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(storage.total), size_of(storage.type),
                               &bytes)) {
      return data_loss("storage of " + std::to_string(storage.total) + " elements");
    }
    return file_->check_storage(storage.key, bytes);
  }

  std::unique_ptr<PytorchFile> file_;
  std::vector<std::string> files_;
  std::vector<std::string> notes_;
  std::vector<CheckpointTensor> tensors_;
  std::vector<size_t> pickled_;  // index in the pickle, for each of tensors_
};

Result<std::unique_ptr<Checkpoint>> open_pytorch_one(const std::string& path,
                                                     const ReadOptions& options) {
  bool zip = false;
  {
    LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
    zip = is_zip(mapped.bytes());
    if (!zip && !is_pytorch_legacy(mapped.bytes())) {
      return data_loss(base::in_quotes(path) + " is not a file written by torch.save()");
    }
  }
  if (!zip) {
    LW_ASSIGN_OR_RETURN(std::unique_ptr<PytorchFile> file, open_pytorch_legacy(path));
    return open_pytorch_tensors(std::move(file), path, options.ema);
  }
  LW_ASSIGN_OR_RETURN(ZipArchive archive, ZipArchive::open(path));
  if (is_exported_program(archive)) {
    return open_exported_program(std::move(archive), path, options.limits);
  }
  LW_ASSIGN_OR_RETURN(std::unique_ptr<PytorchFile> file,
                      open_pytorch_zip(std::move(archive), path, options.limits.header_bytes));
  return open_pytorch_tensors(std::move(file), path, options.ema);
}

Result<std::unique_ptr<Checkpoint>> open_pytorch(const std::string& path,
                                                 const ReadOptions& options) {
  return path.ends_with(kPytorchIndexSuffix) ? open_shards(path, open_pytorch_one, options)
                                             : open_pytorch_one(path, options);
}

Result<std::string> find_pytorch(const std::string& folder) {
  LW_ASSIGN_OR_RETURN(std::string found,
                      find_weights(folder, kPytorchNames, kPytorchSuffixes, kPytorchOthers));
  if (!found.empty()) return found;
  return find_weights(folder, {}, kTrainerSuffixes);
}

bool has_pytorch_content(std::span<const std::byte> head) {
  return (is_zip(head) && !first_zip_entry(head).ends_with(".npy")) || is_pytorch_legacy(head);
}

bool has_pytorch_name(std::string_view name) {
  return ends_in_one_of(name, kPytorchSuffixes) || ends_in_one_of(name, kTrainerSuffixes) ||
         name.ends_with(kPytorchIndexSuffix);
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> open_pytorch_tensors(std::unique_ptr<PytorchFile> file,
                                                         const std::string& path, bool ema) {
  auto checkpoint = std::make_unique<PytorchCheckpoint>(path, std::move(file));
  LW_RETURN_IF_ERROR(checkpoint->open(ema));
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

const Format& pytorch_format() {
  static const Format format = {"pytorch",
                                "pytorch_model.bin, pytorch_model.bin.index.json or one other .pt, "
                                ".pth, .bin, .pt2, .ckpt or "
                                ".pth.tar file",
                                find_pytorch,
                                has_pytorch_content,
                                has_pytorch_name,
                                open_pytorch};
  return format;
}

}  // namespace lanewise::converters
