#include "ops/attention/attention_pieces.hpp"

#include <algorithm>
#include <cmath>

namespace lanewise::ops {
namespace {

// A piece below this many multiply-adds (some 10 microseconds) costs more to hand out than better
// balance gains.
constexpr double kLeastPieceWork = 1 << 19;
// One piece per thread pays off earlier: all wait for the slowest anyway.
constexpr double kLeastShare = 1 << 16;
// Enough that a thread that loses its core for a while does not delay the others.
constexpr double kPiecesPerThread = 6;
// A piece above this takes longer than some 3 milliseconds, and a run that was cancelled ends only
// between pieces. Rows are not divided further than this for it, so that the number of pieces has a
// limit.
constexpr double kMostPieceWork = 1 << 27;
constexpr int64_t kLeastRowsOfALongPiece = 256;

/// At least one for each head, since a limit counts whole rows of all heads.
int64_t least_rows(const AttentionProblem& problem) noexcept {
  return std::max<int64_t>(kLeastRowsOfALongPiece, problem.heads);
}

double piece_work(double total, int threads) {
  if (threads <= 1) return std::max(total, kLeastPieceWork);
  const double least = std::clamp(total / threads, kLeastShare, kLeastPieceWork);
  return std::max(total / (threads * kPiecesPerThread), least);
}

}  // namespace

/// Multiply-adds of `rows` rows from `row` of one key head: exact if what a query sees grows
/// evenly, otherwise close enough to divide the work.
double AttentionPieces::work(const Lengths& both, int64_t row, int64_t row_end) const {
  if (row >= row_end) return 0;
  const Seen first = problem_.seen_by(both, row / problem_.group());
  const Seen last = problem_.seen_by(both, (row_end - 1) / problem_.group());
  const double mean = 0.5 * ((first.end - first.begin) + (last.end - last.begin));
  return 2.0 * static_cast<double>(problem_.head_dim * (row_end - row)) * mean;
}

void AttentionPieces::cut(const Operands& operands, LengthsOf lengths, int threads,
                          std::vector<Piece>& pieces) const {
  const size_t first = pieces.size();
  const int64_t sequences = operands.inputs[0].ragged->sequences;
  double total = 0;
  for (int64_t s = 0; s < sequences; ++s) {
    const Lengths both = lengths(operands, s);
    total +=
        static_cast<double>(problem_.kv_heads) * work(both, 0, both.queries * problem_.group());
  }
  const double target = piece_work(total, threads);
  for (int64_t s = 0; s < sequences; ++s) {
    cut_sequence(s, lengths(operands, s), target, pieces);
  }
  const auto cost = [&](const Piece& piece) {
    const Lengths both = lengths(operands, piece.begin / problem_.kv_heads);
    return (piece.end - piece.begin) * work(both, piece.other_begin, piece.other_end);
  };
  const auto earlier = [&](const Piece& a, const Piece& b) {
    const double cost_a = cost(a), cost_b = cost(b);
    if (cost_a != cost_b) return cost_a > cost_b;
    return a.begin != b.begin ? a.begin < b.begin : a.other_begin < b.other_begin;
  };
  std::sort(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end(), earlier);
}

/// A key head of a sequence is divided into at most ceil(work / target) pieces, so all of them into
/// one each and total / target more; or else into pieces of least_rows() or more.
/// Rows without work that are counted as some add less than one piece to 2^16 pieces, hence the + 1.
PieceLimit AttentionPieces::most(int threads) const noexcept {
  const auto more = static_cast<int64_t>(kPiecesPerThread) * std::max(threads, 1);
  return {.rows_each = least_rows(problem_) / problem_.heads,
          .of_sequence = problem_.kv_heads + 1,
          .more = more + 1};
}

/// Divides long sequences into blocks of rows, and groups the key heads of short ones.
void AttentionPieces::cut_sequence(int64_t sequence, const Lengths& both, double target,
                                   std::vector<Piece>& pieces) const {
  const int64_t rows = both.queries * problem_.group();
  if (rows == 0) return;
  const double head_work = std::max(work(both, 0, rows), 1.0);
  const auto wanted = static_cast<int64_t>(std::ceil(head_work / target));
  const auto least = static_cast<int64_t>(std::ceil(head_work / kMostPieceWork));
  const int64_t parts = std::max(wanted, std::min(least, rows / least_rows(problem_)));
  const int64_t step = (rows + parts * row_block_ - 1) / (parts * row_block_) * row_block_;
  const auto most = static_cast<double>(problem_.kv_heads);
  const auto together =
      static_cast<int64_t>(std::clamp(std::min(target, kMostPieceWork) / head_work, 1.0, most));
  const int64_t shares = (problem_.kv_heads + together - 1) / together;
  for (int64_t share = 0; share < shares; ++share) {
    const int64_t pair = sequence * problem_.kv_heads;
    for (int64_t row = 0; row < rows; row += step) {
      pieces.push_back({static_cast<int32_t>(pair + problem_.kv_heads * share / shares),
                        static_cast<int32_t>(pair + problem_.kv_heads * (share + 1) / shares),
                        static_cast<int32_t>(row),
                        static_cast<int32_t>(std::min(rows, row + step))});
    }
  }
}

double AttentionPieces::flops(const Operands& operands, LengthsOf lengths) const noexcept {
  double pairs = 0;
  for (int64_t s = 0; s < operands.inputs[0].ragged->sequences; ++s) {
    const Lengths both = lengths(operands, s);
    for (int64_t i = 0; i < both.queries; ++i) {
      const Seen seen = problem_.seen_by(both, i);
      pairs += seen.end - seen.begin;
    }
  }
  return 4.0 * static_cast<double>(problem_.head_dim * problem_.heads) * pairs;
}

}  // namespace lanewise::ops
