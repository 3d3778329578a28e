#include "runtime/exec/run_loop.hpp"

namespace lanewise::exec {

void RunLoop::run(int thread, int threads) noexcept {
  std::byte* const scratch = setup_.scratch + static_cast<size_t>(thread) * setup_.scratch_stride;
  const bool timed = !setup_.spans.empty();
  const size_t count = setup_.steps.size();
  for (size_t i = 0; i < count; ++i) {
    const double begin = timed ? watch_.now_us() : 0.0;
    work_on(setup_.steps[i], scratch);
    if (timed) setup_.spans[static_cast<size_t>(thread) * count + i] = {begin, watch_.now_us()};
    if (threads > 1) barrier_.wait(threads);
  }
}

void RunLoop::work_on(Step& step, std::byte* scratch) noexcept {
  const size_t pieces = step.pieces.size();
  for (;;) {
    const size_t piece = step.next_piece.fetch_add(1, std::memory_order_relaxed);
    if (piece >= pieces || stop_.raised()) return;
    step.op->run(*step.operands, step.pieces[piece], scratch);
  }
}

}  // namespace lanewise::exec
