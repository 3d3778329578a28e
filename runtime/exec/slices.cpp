#include "runtime/exec/slices.hpp"

#include <algorithm>
#include <utility>

#include "base/saturating.hpp"

namespace lanewise::exec {
namespace {

constexpr auto kSlicedRows = static_cast<size_t>(graph::RowSymbol::kSequences);

// The team loses about a tenth on large batches. Slices are worthwhile if they leave threads idle
// for less than this.
constexpr double kMostIdle = 0.06;

/// Tokens of all symbols before sequence `s`.
int64_t tokens_before(const BatchBinding& batch, int64_t s) {
  int64_t tokens = 0;
  for (const ops::RaggedRows& ragged : batch.ragged) {
    if (ragged.offsets != nullptr) tokens += ragged.offsets[s];
  }
  return tokens;
}

int64_t sequences_of(const BatchBinding& batch) {
  int64_t sequences = 0;
  for (const ops::RaggedRows& ragged : batch.ragged) {
    if (ragged.offsets != nullptr) sequences = std::max(sequences, ragged.sequences);
  }
  return sequences;
}

int64_t tokens_of(const Slice& slice) {
  int64_t tokens = 0;
  for (size_t i = 0; i < slice.rows.size(); ++i) tokens += i == kSlicedRows ? 0 : slice.rows[i];
  return tokens;
}

/// The number of slices in an even division of `tokens` tokens.
int64_t count_slices(int64_t tokens, int64_t rows, int threads) {
  return (tokens / rows + threads - 1) / threads * threads;
}

}  // namespace

int64_t SliceLimits::bytes() const noexcept {
  const int64_t of_slices = base::multiply_or_max(slices, sizeof(Slice));
  const int64_t of_offsets = base::multiply_or_max(offsets, sizeof(int32_t));
  const int64_t of_clocks = base::multiply_or_max(clocks, sizeof(int64_t));
  return base::add_or_max(of_slices, base::add_or_max(of_offsets, of_clocks));
}

SliceLimits Slices::limits(const plan::RowCounts& batch, int64_t rows, int threads) noexcept {
  const int64_t sequences = batch[kSlicedRows];
  int64_t tokens = 0;
  int64_t kinds = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (i == kSlicedRows || batch[i] == 0) continue;
    tokens += batch[i];
    ++kinds;
  }
  if (sequences < 2 || tokens < 2 * rows) return {};
  return {.slices = std::min(sequences, count_slices(tokens, rows, threads)),
          .offsets = base::multiply_or_max(2 * kinds, sequences),
          .clocks = threads};
}

void Slices::reserve(const SliceLimits& limits) {
  slices_.reserve(static_cast<size_t>(limits.slices));
  offsets_.reserve(static_cast<size_t>(limits.offsets));
  clocks_.reserve(static_cast<size_t>(limits.clocks));
}

void Slices::cut(const BatchBinding& batch, int64_t rows, int threads) {
  slices_.clear();
  offsets_.clear();
  const int64_t sequences = sequences_of(batch);
  const int64_t all = tokens_before(batch, sequences);
  if (sequences < 2 || all < 2 * rows || batch.has_tables()) return;
  // Slices point to the offsets, so the vector must not grow later.
  size_t offsets = 0;
  for (const ops::RaggedRows& ragged : batch.ragged) {
    if (ragged.offsets != nullptr) offsets += 2 * static_cast<size_t>(ragged.sequences);
  }
  offsets_.reserve(offsets);
  const int64_t count = count_slices(all, rows, threads);
  int64_t begin = 0;
  for (int64_t i = 1; i <= count && begin < sequences; ++i) {
    // The boundary between sequences that is nearest to an even division.
    const int64_t want = all * i / count;
    int64_t end = begin + 1;
    while (end < sequences &&
           want - tokens_before(batch, end) > tokens_before(batch, end + 1) - want) {
      ++end;
    }
    add(batch, begin, i == count ? sequences : end);
    begin = i == count ? sequences : end;
  }
  if (begin < sequences) add(batch, begin, sequences);
  std::sort(slices_.begin(), slices_.end(), [](const Slice& a, const Slice& b) {
    return std::pair(tokens_of(b), a.first[kSlicedRows]) <
           std::pair(tokens_of(a), b.first[kSlicedRows]);
  });
  if (!keep_busy(all, threads)) slices_.clear();
}

/// Threads take slices in order, each as soon as it is free.
bool Slices::keep_busy(int64_t tokens, int threads) {
  clocks_.assign(static_cast<size_t>(threads), 0);
  for (const Slice& slice : slices_) {
    *std::min_element(clocks_.begin(), clocks_.end()) += tokens_of(slice);
  }
  const auto end = static_cast<double>(*std::max_element(clocks_.begin(), clocks_.end()));
  return end * threads <= (1.0 + kMostIdle) * static_cast<double>(tokens);
}

void Slices::add(const BatchBinding& batch, int64_t begin, int64_t end) {
  Slice slice;
  slice.first[kSlicedRows] = begin;
  slice.rows[kSlicedRows] = end - begin;
  for (size_t symbol = 0; symbol < batch.ragged.size(); ++symbol) {
    const ops::RaggedRows& ragged = batch.ragged[symbol];
    if (ragged.offsets == nullptr) continue;
    const int32_t first = ragged.offsets[begin];
    slice.first[symbol] = first;
    slice.rows[symbol] = ragged.offsets[end] - first;
    slice.ragged[symbol] = {.offsets = offsets_.data() + offsets_.size(), .sequences = end - begin};
    if (ragged.attended != nullptr) slice.ragged[symbol].attended = ragged.attended + begin;
    for (int64_t s = begin; s <= end; ++s) offsets_.push_back(ragged.offsets[s] - first);
  }
  slices_.push_back(slice);
}

plan::RowCounts Slices::most_rows() const {
  plan::RowCounts most{};
  for (const Slice& slice : slices_) {
    for (size_t i = 0; i < most.size(); ++i) most[i] = std::max(most[i], slice.rows[i]);
  }
  return most;
}

}  // namespace lanewise::exec
