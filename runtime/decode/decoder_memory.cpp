// The memory of a decoder, known before it runs.

#include <algorithm>
#include <limits>
#include <string>

#include "base/saturating.hpp"
#include "base/status_macros.hpp"
#include "ops/attention/kv_page.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/decode/draft.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::decode {
namespace {

// Positions and rows are counted in 32 bits.
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

bool is_possible(const Decoder::Load& load) noexcept {
  return load.sequences <= kMost && load.tokens <= kMost;
}

}  // namespace

/// The largest batches of a load.
struct Decoder::Room {
  int64_t sequences;
  plan::RowCounts step;
  plan::RowCounts draft;  // a step with guesses
  int64_t step_tokens;    // of either
  int64_t source_tokens;  // 0 without an encoder
  int64_t pages;
  int64_t states;
};

plan::RowCounts Decoder::step_rows(int64_t tokens, int64_t sequences) const noexcept {
  plan::RowCounts rows{};
  rows[tokens_] = tokens;
  rows[static_cast<size_t>(graph::RowSymbol::kSequences)] = sequences;
  if (has_encoder()) rows[static_cast<size_t>(graph::RowSymbol::kSources)] = sequences;
  return rows;
}

Decoder::Room Decoder::room_for(const Load& load) const noexcept {
  Room room{.sequences = load.sequences};
  const int64_t tokens = std::min(load.tokens, max_tokens());
  const int64_t all_tokens = load.sequences * tokens;  // both are below 2^31
  // At least one sequence is in its prompt then.
  const int64_t beside_prompts = has_encoder() ? 0 : load.prompt_tokens - 1;
  room.step_tokens = std::min(all_tokens, base::add_or_max(load.sequences, beside_prompts));
  room.step = step_rows(room.step_tokens, load.sequences);
  if (guesses()) {
    const int64_t sequences = std::min(load.sequences, Draft::kMostSequences);
    const auto each = static_cast<int64_t>(1 + Draft::kLongest);
    const int64_t draft_tokens = sequences * std::min(tokens, each);
    room.draft = step_rows(draft_tokens, sequences);
    room.step_tokens = std::max(room.step_tokens, draft_tokens);
  }
  if (has_encoder()) {
    const int64_t source = std::min(load.tokens, model_.info().max_tokens);
    room.source_tokens = std::min(load.sequences * source, std::max(source, load.source_tokens));
  }
  room.pages = std::min(load.sequences * ops::pages_for(tokens), cache_.pages().most_pages());
  room.states = all_tokens;
  return room;
}

/// Calls visit(array, elements) for each array that encode() and step() fill.
template <typename Self, typename Visit>
void Decoder::visit_arrays(Self& self, const Room& room, const Visit& visit) {
  visit(self.inputs_, static_cast<int64_t>(self.last_.inputs.size()));
  for (auto* of_tokens : {&self.ids_, &self.positions_, &self.is_long_}) {
    visit(*of_tokens, room.step_tokens);
  }
  visit(self.sources_, room.sequences);
  visit(self.offsets_, room.sequences + 1);
  visit(self.cache_slots_, room.sequences);
  visit(self.cache_pages_, room.sequences);
  visit(self.cache_lengths_, room.sequences);
  const int64_t sources = self.has_encoder() ? room.sequences : 0;
  visit(self.source_lengths_, sources);
  visit(self.source_offsets_, sources + 1);
  if (!self.has_encoder()) return;
  visit(self.memory_rows_, room.sequences);
  visit(self.memory_lengths_, room.sequences);
  visit(self.counts_, room.source_tokens);
}

Status Decoder::reserve(const Load& load) {
  if (load.sequences < 1 || load.tokens < 1) {
    return invalid_argument(std::to_string(load.sequences) + " sequences of " +
                            std::to_string(load.tokens) + " tokens: expected at least 1 of each");
  }
  if (!is_possible(load)) {
    return resource_exhausted(std::to_string(load.sequences) + " sequences of " +
                              std::to_string(load.tokens) + " tokens: at most 2147483647 of each");
  }
  const Room room = room_for(load);
  LW_RETURN_IF_ERROR(last_.executor->reserve(room.step, true));
  if (guesses()) LW_RETURN_IF_ERROR(all_->executor->reserve(room.draft, true));
  if (has_encoder()) {
    LW_RETURN_IF_ERROR(encode_executor_->reserve(
        source_binder_.row_counts(room.source_tokens, 0, room.sequences)));
    source_binder_.reserve(room.source_tokens, room.sequences);
  }
  LW_RETURN_IF_ERROR(cache_.reserve(room.pages, room.states));
  visit_arrays(*this, room,
               [](auto& array, int64_t count) { array.reserve(static_cast<size_t>(count)); });
  return {};
}

int64_t Decoder::memory_bytes(const Load& load) const noexcept {
  if (load.sequences < 1 || load.tokens < 1) return 0;
  if (!is_possible(load)) return std::numeric_limits<int64_t>::max();
  const Room room = room_for(load);
  int64_t bytes = last_.executor->memory_bytes(room.step, true);
  const auto add = [&](int64_t more) { bytes = base::add_or_max(bytes, more); };
  if (guesses()) add(all_->executor->memory_bytes(room.draft, true));
  if (has_encoder()) {
    add(encode_executor_->memory_bytes(
        source_binder_.row_counts(room.source_tokens, 0, room.sequences)));
    add(source_binder_.memory_bytes(room.source_tokens, room.sequences));
  }
  add(cache_.memory_bytes(room.pages, room.states));
  visit_arrays(*this, room, [&](const auto& array, int64_t count) {
    add(base::multiply_or_max(count, sizeof(array[0])));
  });
  return bytes;
}

}  // namespace lanewise::decode
