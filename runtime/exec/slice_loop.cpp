#include "runtime/exec/slice_loop.hpp"

namespace lanewise::exec {
namespace {

/// Converts each node's total time over all slices of a thread into consecutive spans.
void lay_out(double begin, std::span<Span> spans) noexcept {
  for (Span& span : spans) {
    const double time = span.end_us;
    span = {begin, begin + time};
    begin = span.end_us;
  }
}

}  // namespace

void SliceLoop::run(int thread, int) noexcept {
  const auto index = static_cast<size_t>(thread);
  const size_t nodes = setup_.program.operators.size();
  BoundProgram& bound = setup_.bound[index];
  RunMemory memory = setup_.memory;
  memory.work += thread * setup_.work_stride;
  std::span<Span> spans;
  if (!setup_.spans.empty()) spans = setup_.spans.subspan(index * nodes, nodes);
  for (Span& span : spans) span = {0.0, 0.0};
  const double begin = spans.empty() ? 0.0 : watch_.now_us();
  for (;;) {
    const size_t slice = next_slice_.fetch_add(1, std::memory_order_relaxed);
    if (slice >= setup_.slices.size() || stop_.raised()) break;
    bound.bind(setup_.batch, setup_.slices[slice], memory);
    work_on(slice, bound, setup_.scratch + index * setup_.scratch_stride, spans);
  }
  lay_out(begin, spans);
}

void SliceLoop::work_on(size_t slice, const BoundProgram& bound, std::byte* scratch,
                        std::span<Span> spans) noexcept {
  const size_t nodes = setup_.program.operators.size();
  for (size_t i = 0; i < nodes; ++i) {
    const double begin = spans.empty() ? 0.0 : watch_.now_us();
    for (const ops::Piece& piece : setup_.pieces.of(slice * nodes + i)) {
      if (stop_.raised()) return;
      setup_.program.operators[i]->run(bound.node(i), piece, scratch);
    }
    if (!spans.empty()) spans[i].end_us += watch_.now_us() - begin;
  }
}

}  // namespace lanewise::exec
