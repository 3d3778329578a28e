#include <algorithm>

#include "ops/cache_sizes.hpp"
#include "ops/linear/linear_list.hpp"

namespace lanewise::ops {
namespace {

// A piece below this many multiply-adds (some 10 microseconds) costs more to hand out than the
// balance is worth.
constexpr int64_t kLeastPieceWork = 1 << 19;
// Enough that a thread which loses its core for a while does not hold up the others.
constexpr int64_t kPiecesPerThread = 6;
// The same where weights are narrower than f32: the arithmetic is up to four times as fast, and
// each piece of some panels prepares all of its rows anew.
constexpr int64_t kLeastPreparedWork = 1 << 21;
constexpr int64_t kPreparedPiecesPerThread = 2;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

class LanewiseLinear final : public Operator {
 public:
  explicit LanewiseLinear(const LinearProblem& problem)
      : problem_(problem), multiply_(linear_multiply(problem.weight.type, problem.isa)) {}

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    const int64_t rows = operands.output.rows;
    if (rows == 0) return;
    const int64_t blocks = ceil_div(rows, row_block());
    const int64_t panels = ceil_div(problem_.n, kPanelSize);
    const int64_t step = panels_per_piece(rows, blocks, panels, threads);
    // Panels outside: the blocks of rows that share weights are worked on together.
    for (int64_t panel = 0; panel < panels; panel += step) {
      const int64_t feature_end = std::min(problem_.n, (panel + step) * kPanelSize);
      for (int64_t block = 0; block < blocks; ++block) {
        pieces.push_back({static_cast<int32_t>(rows * block / blocks),
                          static_cast<int32_t>(rows * (block + 1) / blocks),
                          static_cast<int32_t>(panel * kPanelSize),
                          static_cast<int32_t>(feature_end)});
      }
    }
  }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    multiply_.multiply(linear_block(problem_, operands, piece.begin, piece.end, piece.other_begin,
                                    piece.other_end),
                       scratch);
  }

  size_t scratch_bytes() const noexcept override {
    return prepared_bytes(problem_.weight, static_cast<size_t>(problem_.k));
  }

  int in_place_input() const noexcept override { return problem_.has_residual ? 1 : -1; }

  double flops(const Operands& operands) const noexcept override {
    return linear_flops(problem_, operands);
  }

 private:
  static constexpr int64_t kPanelSize = static_cast<int64_t>(kPanel);

  /// Rows whose inputs fill at most half of the second-level cache: every panel reads them again.
  int64_t row_block() const {
    const auto tile = static_cast<int64_t>(multiply_.tile_rows);
    const auto most = static_cast<int64_t>(kLinearMaxRows);
    const auto row_bytes = static_cast<int64_t>(sizeof(float)) * problem_.k;
    const int64_t fit = static_cast<int64_t>(cache_sizes().l2) / 2 / row_bytes;
    return std::clamp(fit / tile * tile, 2 * tile, most);
  }

  int64_t panels_per_piece(int64_t rows, int64_t blocks, int64_t panels, int threads) const {
    if (threads <= 1) return panels;
    const int64_t work_per_panel = ceil_div(rows, blocks) * problem_.k * kPanelSize;
    const bool prepares = problem_.weight.type != LinearType::kF32;
    const int64_t least = ceil_div(prepares ? kLeastPreparedWork : kLeastPieceWork, work_per_panel);
    const int64_t pieces = threads * (prepares ? kPreparedPiecesPerThread : kPiecesPerThread);
    const int64_t balanced = panels * blocks / pieces;
    return std::clamp(std::max(least, balanced), int64_t{1}, panels);
  }

  LinearProblem problem_;
  LinearMultiply multiply_;
};

}  // namespace

LinearOffer offer_lanewise_linear(const LinearProblem& problem) {
  return {std::make_unique<LanewiseLinear>(problem), ""};
}

}  // namespace lanewise::ops
