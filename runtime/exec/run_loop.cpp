#include "runtime/exec/run_loop.hpp"

namespace lanewise::exec {

void RunLoop::run(int thread, int threads) noexcept {
  std::byte* const scratch = setup_.scratch + static_cast<size_t>(thread) * setup_.scratch_stride;
  const size_t count = setup_.steps.size();
  std::span<Span> spans;
  if (!setup_.spans.empty()) {
    spans = setup_.spans.subspan(static_cast<size_t>(thread) * count, count);
  }
  uint32_t step = barrier_.join();
  skip_to(step, spans);
  while (step < count) {
    const double begin = spans.empty() ? 0.0 : watch_.now_us();
    work_on(setup_.steps[step], scratch);
    if (!spans.empty()) spans[step] = {begin, watch_.now_us()};
    step = threads > 1 ? barrier_.wait(step) : step + 1;
  }
}

/// The thread computed nothing in the steps before it joined.
void RunLoop::skip_to(uint32_t step, std::span<Span> spans) const noexcept {
  if (spans.empty() || step == 0) return;
  const double now = watch_.now_us();
  for (Span& span : spans.first(step)) span = {now, now};
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
