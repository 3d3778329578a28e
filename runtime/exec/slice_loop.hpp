#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "runtime/exec/bound_program.hpp"
#include "runtime/exec/slices.hpp"
#include "runtime/exec/span.hpp"
#include "runtime/exec/stop_signal.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// The pieces of every node for every slice, each slice divided for one thread.
struct SlicePieces {
  std::vector<ops::Piece> pieces;
  std::vector<size_t> begins;  ///< [slices * nodes + 1]

  std::span<const ops::Piece> of(size_t index) const {
    return std::span(pieces).subspan(begins[index], begins[index + 1] - begins[index]);
  }
};

/// Runs a batch by slices: each thread takes a slice through all nodes, then takes the next slice.
/// Threads do not wait for each other.
class SliceLoop final : public TeamBody {
 public:
  struct Setup {
    const plan::Program& program;
    const BatchBinding& batch;
    const Slices& slices;
    const SlicePieces& pieces;
    std::span<BoundProgram> bound;  ///< by thread
    std::span<Span> spans;          ///< [threads][nodes], or empty
    RunMemory memory;
    int64_t work_stride = 0;  ///< bytes between the working memory of two threads
    std::byte* scratch = nullptr;
    size_t scratch_stride = 0;  ///< bytes between the scratch of two threads
  };

  SliceLoop(const Setup& setup, StopSignal& stop) : setup_(setup), stop_(stop) {}

  void run(int thread, int threads) noexcept override;

 private:
  void work_on(size_t slice, const BoundProgram& bound, std::byte* scratch,
               std::span<Span> spans) noexcept;

  const Setup setup_;
  StopSignal& stop_;
  const Stopwatch watch_;
  std::atomic<size_t> next_slice_{0};
};

}  // namespace lanewise::exec
