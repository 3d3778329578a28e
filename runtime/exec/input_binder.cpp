#include "runtime/exec/input_binder.hpp"

#include <algorithm>

#include "base/dcheck.hpp"
#include "base/saturating.hpp"

namespace lanewise::exec {
namespace {

using graph::ModelInput;
using graph::RowSymbol;

constexpr auto kSourceTokens = static_cast<size_t>(RowSymbol::kSourceTokens);
constexpr auto kTargetTokens = static_cast<size_t>(RowSymbol::kTargetTokens);
constexpr auto kSequences = static_cast<size_t>(RowSymbol::kSequences);

bool reads(const graph::Graph& graph, std::string_view input) {
  const graph::ValueId id = graph.find_input(input);
  return id >= 0 && graph.use_count(id) > 0;
}

}  // namespace

void InputBinder::Sequences::reserve(size_t sequences) {
  lengths.reserve(sequences);
  offsets.reserve(sequences + 1);
}

bool InputBinder::Sequences::assign(std::span<const int32_t> from) {
  if (!offsets.empty() && std::equal(from.begin(), from.end(), lengths.begin(), lengths.end())) {
    return false;
  }
  reserve(from.size());  // nothing fails after this
  offsets.assign(1, 0);
  lengths.assign(from.begin(), from.end());
  for (const int32_t length : lengths) offsets.push_back(offsets.back() + length);
  return true;
}

int64_t InputBinder::Sequences::memory_bytes(int64_t sequences) noexcept {
  const int64_t numbers = base::add_or_max(base::multiply_or_max(sequences, 2), 1);
  return base::multiply_or_max(numbers, sizeof(int32_t));
}

ops::RaggedRows InputBinder::Sequences::ragged() const noexcept {
  return {.offsets = offsets.data(), .sequences = static_cast<int64_t>(lengths.size())};
}

InputBinder::InputBinder(const graph::Graph& graph)
    : reads_targets_(reads(graph, graph::kTargetIds)),
      reads_types_(reads(graph, graph::kSourceTypes)),
      bound_(graph.inputs.size()) {
  for (const graph::ValueId id : graph.inputs) {
    const graph::ModelInputSpec* spec =
        graph::find_model_input(graph.values[static_cast<size_t>(id)].name);
    LW_DCHECK(spec != nullptr);  // check_interface() permits no other in a model
    inputs_.push_back(spec == nullptr ? ModelInput::kSourceIds : spec->input);
  }
}

plan::RowCounts InputBinder::row_counts(int64_t source_tokens, int64_t target_tokens,
                                        int64_t sequences) const noexcept {
  plan::RowCounts rows{};
  rows[kSourceTokens] = source_tokens;
  rows[kTargetTokens] = reads_targets_ ? target_tokens : 0;
  rows[kSequences] = sequences;
  return rows;
}

void InputBinder::reserve(int64_t tokens, int64_t sequences) {
  sources_.reserve(static_cast<size_t>(sequences));
  if (reads_targets_) targets_.reserve(static_cast<size_t>(sequences));
  if (reads_types_) make_zeros(static_cast<size_t>(tokens));
}

int64_t InputBinder::memory_bytes(int64_t tokens, int64_t sequences) const noexcept {
  const int64_t types = reads_types_ ? base::multiply_or_max(tokens, sizeof(int32_t)) : 0;
  return base::add_or_max(
      types, base::multiply_or_max(Sequences::memory_bytes(sequences), reads_targets_ ? 2 : 1));
}

void InputBinder::make_zeros(size_t count) {
  if (zeros_.size() >= count) return;
  zeros_.reserve(count);  // exact, without spare capacity
  zeros_.resize(count);
}

bool InputBinder::assign_attended(std::span<const int32_t> attended) {
  if (std::equal(attended.begin(), attended.end(), attended_.begin(), attended_.end())) {
    return false;
  }
  attended_.assign(attended.begin(), attended.end());
  return true;
}

BatchBinding InputBinder::bind(const RaggedBatch& batch) {
  const bool new_sources = sources_.assign(batch.lengths);
  const bool new_targets = reads_targets_ && targets_.assign(batch.decoder_lengths);
  const bool new_attended = assign_attended(batch.attended);
  has_new_lengths_ = new_sources || new_targets || new_attended;
  if (reads_types_ && batch.type_ids.empty()) make_zeros(batch.ids.size());
  for (size_t i = 0; i < inputs_.size(); ++i) bound_[i].data = data_of(inputs_[i], batch);
  BatchBinding binding{.rows = row_counts(static_cast<int64_t>(batch.ids.size()),
                                          static_cast<int64_t>(batch.decoder_ids.size()),
                                          static_cast<int64_t>(batch.lengths.size())),
                       .inputs = bound_};
  binding.ragged[kSourceTokens] = sources_.ragged();
  if (!attended_.empty()) binding.ragged[kSourceTokens].attended = attended_.data();
  if (reads_targets_) binding.ragged[kTargetTokens] = targets_.ragged();
  return binding;
}

const int32_t* InputBinder::data_of(ModelInput input, const RaggedBatch& batch) const noexcept {
  switch (input) {
    case ModelInput::kSourceTypes:
      return batch.type_ids.empty() ? zeros_.data() : batch.type_ids.data();
    case ModelInput::kTargetIds:
      return batch.decoder_ids.data();
    case ModelInput::kSourceIds:
      break;
  }
  return batch.ids.data();
}

}  // namespace lanewise::exec
