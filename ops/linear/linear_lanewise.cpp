#include <algorithm>

#include "ops/cache_sizes.hpp"
#include "ops/linear/linear_list.hpp"

namespace lanewise::ops {
namespace {

// How finely work is divided beyond one piece per thread.
struct Fineness {
  /// A piece below this many multiply-adds (some 10 microseconds) costs more to hand out than
  /// better balance gains.
  int64_t least_work;
  /// Enough that a thread that loses its core for a while does not delay the others.
  int64_t pieces_per_thread;
  /// A piece above this takes longer than some 3 milliseconds, and a run that was cancelled ends
  /// only between pieces.
  int64_t most_work;
};
constexpr Fineness kPlain{1 << 19, 6, 1 << 27};
// With low-precision weights the arithmetic is up to four times as fast.
constexpr Fineness kPrepared{1 << 21, 2, 1 << 28};
// Blocks of rows are not divided below this with low-precision weights: enough rows to use each
// weight that was read.
constexpr int64_t kLeastBlockRows = 16;
// One piece per thread pays off much earlier: all wait for the slowest anyway.
constexpr int64_t kLeastShare = 1 << 17;
// This many rows take no longer than one: reading the weights dominates.
constexpr int64_t kRowsOfARead = 4;

class LanewiseLinear final : public Operator {
 public:
  explicit LanewiseLinear(const LinearProblem& problem) : problem_(problem) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    const int64_t rows = operands.output.rows;
    if (rows == 0) return;
    const int64_t panels = ceil_div(problem_.n, kPanelSize);
    const Parts parts = parts_of(rows, panels, threads);
    // Panels in the outer loop: blocks of rows that share weights are processed together.
    for (int64_t part = 0; part < parts.panels; ++part) {
      const int64_t feature = panels * part / parts.panels * kPanelSize;
      const int64_t end = std::min(problem_.n, panels * (part + 1) / parts.panels * kPanelSize);
      for (int64_t block = 0; block < parts.rows; ++block) {
        pieces.push_back({static_cast<int32_t>(rows * block / parts.rows),
                          static_cast<int32_t>(rows * (block + 1) / parts.rows),
                          static_cast<int32_t>(feature), static_cast<int32_t>(end)});
      }
    }
  }

  /// From parts_of(): with several threads, rows are divided into at most as many parts as there
  /// are blocks or wanted pieces, and panels such that there is at most one excess piece per part.
  PieceLimit most_pieces(int threads) const noexcept override {
    const int64_t wanted = threads <= 1 ? 0 : fineness().pieces_per_thread * threads;
    // Each block of rows may be divided into so many parts, also a short one: there is one of them
    // at the end, or all are if there are more than fit into the cache.
    const int64_t of_block = least_panel_parts(row_block());
    const int64_t short_blocks = problem_.weight->prepares_rows() ? wanted + 1 : 1;
    return {.rows_each = std::max<int64_t>(row_block() / (of_block + 1), 1),
            .more = 2 * wanted + short_blocks * (of_block + 1)};
  }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    problem_.weight->multiply(linear_block(problem_, operands, piece.begin, piece.end,
                                           piece.other_begin, piece.other_end),
                              static_cast<size_t>(piece.other_begin), scratch);
  }

  size_t scratch_bytes() const noexcept override {
    return problem_.weight->scratch_bytes(problem_.norm);
  }

  int in_place_input() const noexcept override { return problem_.has_residual ? 1 : -1; }

  double flops(const Operands& operands) const noexcept override {
    return linear_flops(problem_, operands);
  }

 private:
  static constexpr int64_t kPanelSize = static_cast<int64_t>(kPanel);

  /// Rows whose inputs fill at most half of the second-level cache, since every panel rereads them.
  int64_t row_block() const {
    const auto tile = static_cast<int64_t>(problem_.weight->tile_rows());
    const auto most = static_cast<int64_t>(kLinearMaxRows);
    const auto row_bytes = static_cast<int64_t>(sizeof(float)) * problem_.k;
    const int64_t fit = static_cast<int64_t>(cache_sizes().l2) / 2 / row_bytes;
    return std::clamp(fit / tile * tile, 2 * tile, most);
  }

  const Fineness& fineness() const noexcept {
    return problem_.weight->prepares_rows() ? kPrepared : kPlain;
  }

  /// The parts that the panels of a block of `rows` rows need for pieces of at most most_work: at
  /// most as many as there are rows, so that their number has a limit.
  int64_t least_panel_parts(int64_t rows) const noexcept {
    const int64_t panels = ceil_div(problem_.n, kPanelSize);
    const int64_t parts = ceil_div(rows * problem_.k * problem_.n, fineness().most_work);
    return std::clamp(parts, int64_t{1}, std::min(panels, std::max<int64_t>(rows, 1)));
  }

  /// The same number of pieces for every thread, as long as there is enough work.
  int64_t wanted_pieces(int64_t rows, int64_t panels, int threads) const {
    const int64_t work = std::max(rows, kRowsOfARead) * problem_.k * panels * kPanelSize;
    const int64_t rounds =
        std::min(work / (threads * fineness().least_work), fineness().pieces_per_thread);
    return rounds > 0 ? rounds * threads : std::min<int64_t>(work / kLeastShare, threads);
  }

  /// The numbers of parts that rows and panels are divided into.
  struct Parts {
    int64_t rows;
    int64_t panels;
  };

  Parts parts_of(int64_t rows, int64_t panels, int threads) const {
    const int64_t blocks = ceil_div(rows, row_block());
    if (threads <= 1) return {blocks, least_panel_parts(ceil_div(rows, blocks))};
    const int64_t pieces = wanted_pieces(rows, panels, threads);
    // Each piece with some of the panels prepares all of its rows again, so prefer dividing rows.
    const int64_t of_rows =
        problem_.weight->prepares_rows() ? std::min(pieces, rows / kLeastBlockRows) : 0;
    const int64_t parts = std::max(blocks, of_rows);
    const int64_t least = least_panel_parts(ceil_div(rows, parts));
    return {parts, std::clamp(ceil_div(pieces, parts), least, panels)};
  }

  LinearProblem problem_;
};

}  // namespace

LinearOffer offer_lanewise_linear(const LinearProblem& problem) {
  return {std::make_unique<LanewiseLinear>(problem), ""};
}

}  // namespace lanewise::ops
