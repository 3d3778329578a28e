#include "converters/plain_checkpoint.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/parametrizations.hpp"
#include "converters/plain_names.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

class RenamedCheckpoint final : public Checkpoint {
 public:
  explicit RenamedCheckpoint(std::unique_ptr<Checkpoint> stored)
      : stored_(std::move(stored)), notes_(stored_->notes().begin(), stored_->notes().end()) {}

  Status rename(bool ema) {
    const auto all = stored_->tensors();
    Names names;
    for (size_t i = 0; i < all.size(); ++i) {
      if (is_wrapper_state(all[i].name)) {
        is_changed_ = true;
      } else if (is_adapter_name(all[i].name)) {
        adapters_.push_back(all[i].name);
      } else {
        names.emplace_back(plain_name(all[i].name), i);
        is_changed_ = is_changed_ || names.back().first != all[i].name;
      }
    }
    LW_RETURN_IF_ERROR(choose_copy(ema, names));
    std::sort(names.begin(), names.end());
    for (size_t i = 0; i < names.size(); ++i) {
      const auto& [name, number] = names[i];
      if (i > 0 && name == names[i - 1].first) return same_name(name, names[i - 1].second, number);
      add(name, all[number], {.stored = number});
    }
    add_computed();
    return {};
  }

  bool is_changed() const { return is_changed_ || !adapters_.empty(); }
  const std::vector<std::string>& adapters() const { return adapters_; }
  std::unique_ptr<Checkpoint> take_stored() && { return std::move(stored_); }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return stored_->files(); }
  std::span<const std::string> notes() const noexcept override { return notes_; }
  void release_pages() const noexcept override { stored_->release_pages(); }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr || found->blocks == nullptr)
      return Checkpoint::read_blocks(tensor, scratch);
    const Source& source = sources_[static_cast<size_t>(found - tensors_.data())];
    return stored_->read_blocks(stored_->tensors()[source.stored], scratch);
  }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr) return not_found("tensor " + in_quotes(tensor.name));
    const Source& source = sources_[static_cast<size_t>(found - tensors_.data())];
    if (!found->foreign_type.empty()) return foreign_error(*found);
    const auto all = stored_->tensors();
    if (!source.second) return stored_->read(all[source.stored], scratch);
    Scratch scratch_a;
    Scratch scratch_b;
    LW_ASSIGN_OR_RETURN(const TensorView a, stored_->read(all[source.stored], scratch_a));
    LW_ASSIGN_OR_RETURN(const TensorView b, stored_->read(all[*source.second], scratch_b));
    LW_RETURN_IF_ERROR(compute_parametrization(source.kind, a, b, scratch));
    return TensorView{DataType::kF32, scratch.data(), found->shape};
  }

 private:
  /// Plain names, and the stored tensors that have them.
  using Names = std::vector<std::pair<std::string, size_t>>;

  /// Keeps the model or its averaged copy.
  Status choose_copy(bool ema, Names& names) {
    const auto is_average = [](const auto& one) { return is_average_name(one.first); };
    const auto averages = static_cast<size_t>(std::ranges::count_if(names, is_average));
    if (averages == 0) {
      return ema ? invalid_argument("holds no averaged copy (EMA) of the weights") : Status();
    }
    is_changed_ = true;
    if (!ema && averages < names.size()) {
      std::erase_if(names, is_average);
      notes_.push_back(std::to_string(averages) +
                       " tensors of an averaged copy (EMA) are ignored; --ema takes them");
      return {};
    }
    std::erase_if(names, [&](const auto& one) { return !is_average(one); });
    for (auto& [name, number] : names) name = without_average(name);
    return {};
  }

  /// The source of a tensor's elements: one stored tensor, or two and a computation.
  struct Source {
    size_t stored = 0;
    std::optional<size_t> second = std::nullopt;
    Parametrization kind = Parametrization::kUnknown;
  };

  Status same_name(const std::string& name, size_t a, size_t b) const {
    return invalid_argument("tensors " + in_quotes(stored_->tensors()[a].name) + " and " +
                            in_quotes(stored_->tensors()[b].name) + " are both " + in_quotes(name) +
                            " without the names of wrappers");
  }

  void add(const std::string& name, const CheckpointTensor& stored, Source source) {
    CheckpointTensor tensor = stored;
    tensor.name = name;
    tensors_.push_back(std::move(tensor));
    sources_.push_back(source);
  }

  /// Computed weights replace their sources.
  void add_computed() {
    const std::vector<ComputedTensor> computed = find_parametrizations(tensors_);
    if (computed.empty()) return;
    is_changed_ = true;
    std::vector<bool> is_replaced(tensors_.size(), false);
    std::vector<std::pair<CheckpointTensor, Source>> all;
    for (const ComputedTensor& one : computed) {
      const size_t last = one.sources.back();
      CheckpointTensor tensor{one.name, DataType::kF32, tensors_[last].shape};
      Source source = sources_[one.sources.front()];
      source.kind = one.kind;
      if (one.kind == Parametrization::kUnknown) {
        tensor.type = DataType::kU8;
        tensor.foreign_type =
            "spectral norm or another parametrization of " + in_quotes(tensors_[last].name);
      } else {
        source.second = sources_[last].stored;
        tensor.computed_from = type_name(tensors_[last]);
        for (const size_t i : one.sources) is_replaced[i] = true;
      }
      all.emplace_back(std::move(tensor), source);
    }
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (!is_replaced[i]) all.emplace_back(std::move(tensors_[i]), sources_[i]);
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.first.name < b.first.name; });
    tensors_.clear();
    sources_.clear();
    for (auto& [tensor, source] : all) {
      tensors_.push_back(std::move(tensor));
      sources_.push_back(source);
    }
  }

  std::unique_ptr<Checkpoint> stored_;
  std::vector<CheckpointTensor> tensors_;
  std::vector<Source> sources_;  // for each of tensors_
  std::vector<std::string> adapters_;
  std::vector<std::string> notes_;
  bool is_changed_ = false;
};

std::string not_applied(const std::vector<std::string>& adapters) {
  const bool one = adapters.size() == 1;
  return std::to_string(adapters.size()) +
         (one ? " tensor of an adapter is" : " tensors of an adapter are") +
         " not applied; the result is the base model: " + in_quotes(adapters.front()) +
         (one ? "" : ", ...");
}

}  // namespace

Result<PlainCheckpoint> make_plain(std::unique_ptr<Checkpoint> stored, bool ema) {
  const std::string path = stored->files().empty() ? "" : stored->files().front();
  auto renamed = std::make_unique<RenamedCheckpoint>(std::move(stored));
  const Status status = renamed->rename(ema);
  if (!status.ok()) return status.with_context(in_quotes(path));
  if (renamed->tensors().empty() && !renamed->adapters().empty()) {
    return invalid_argument(in_quotes(path) +
                            " holds an adapter without its base model; merge them with "
                            "merge_and_unload() and save the result");
  }
  PlainCheckpoint plain;
  if (!renamed->adapters().empty()) plain.warnings.push_back(not_applied(renamed->adapters()));
  if (renamed->is_changed()) {
    plain.checkpoint = std::move(renamed);
  } else {
    plain.checkpoint = std::move(*renamed).take_stored();
  }
  return plain;
}

}  // namespace lanewise::converters
