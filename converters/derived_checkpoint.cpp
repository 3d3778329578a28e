#include "converters/derived_checkpoint.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

class DerivedCheckpoint final : public Checkpoint {
 public:
  DerivedCheckpoint(std::unique_ptr<Checkpoint> stored, Derivation derivation)
      : stored_(std::move(stored)), derived_(std::move(derivation.tensors)) {
    std::set<std::string_view> replaced(derivation.omitted.begin(), derivation.omitted.end());
    for (const DerivedTensor& tensor : derived_) replaced.insert(tensor.name);
    for (const CheckpointTensor& tensor : stored_->tensors()) {
      if (replaced.contains(tensor.name)) continue;
      entries_.push_back({tensor, &tensor, nullptr});
    }
    for (const DerivedTensor& tensor : derived_) {
      CheckpointTensor listed{tensor.name, DataType::kF32, tensor.shape};
      listed.computed_from = tensor.computed_from;
      listed.blocks = tensor.blocks;
      entries_.push_back({std::move(listed), nullptr, &tensor});
    }
    std::ranges::sort(entries_, {},
                      [](const Entry& entry) -> const std::string& { return entry.listed.name; });
    for (const Entry& entry : entries_) tensors_.push_back(entry.listed);
    files_.assign(stored_->files().begin(), stored_->files().end());
    files_.insert(files_.end(), derivation.files.begin(), derivation.files.end());
    notes_.assign(stored_->notes().begin(), stored_->notes().end());
    notes_.insert(notes_.end(), derivation.notes.begin(), derivation.notes.end());
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }
  std::span<const std::string> notes() const noexcept override { return notes_; }
  std::string name_in_file(const std::string& name) const override {
    return stored_->name_in_file(name);
  }
  void release_pages() const noexcept override { stored_->release_pages(); }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Entry* entry, entry_of(tensor));
    if (entry->stored != nullptr) return stored_->read(*entry->stored, scratch);
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(entry->listed.shape));
    scratch.resize(static_cast<size_t>(count) * sizeof(float));
    const std::span values(reinterpret_cast<float*>(scratch.data()), static_cast<size_t>(count));
    const Status computed = entry->derived->compute(*stored_, values);
    if (!computed.ok()) return computed.with_context("tensor " + base::in_quotes(tensor.name));
    return TensorView{DataType::kF32, scratch.data(), entry->listed.shape};
  }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Entry* entry, entry_of(tensor));
    if (entry->stored != nullptr) return stored_->read_blocks(*entry->stored, scratch);
    if (entry->derived->blocks == nullptr) return Checkpoint::read_blocks(tensor, scratch);
    const Status computed = entry->derived->compute_blocks(*stored_, scratch);
    if (!computed.ok()) return computed.with_context("tensor " + base::in_quotes(tensor.name));
    return std::span<const std::byte>(scratch);
  }

 private:
  /// Either stored or derived.
  struct Entry {
    CheckpointTensor listed;
    const CheckpointTensor* stored;
    const DerivedTensor* derived;
  };

  Result<const Entry*> entry_of(const CheckpointTensor& tensor) const {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr) return not_found("tensor " + base::in_quotes(tensor.name));
    return &entries_[static_cast<size_t>(found - tensors_.data())];
  }

  std::unique_ptr<Checkpoint> stored_;
  std::vector<DerivedTensor> derived_;
  std::vector<Entry> entries_;             // sorted by name, like
  std::vector<CheckpointTensor> tensors_;  // these
  std::vector<std::string> files_;
  std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<Checkpoint> derive(std::unique_ptr<Checkpoint> stored, Derivation derivation) {
  return std::make_unique<DerivedCheckpoint>(std::move(stored), std::move(derivation));
}

}  // namespace lanewise::converters
