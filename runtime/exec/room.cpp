#include "runtime/exec/room.hpp"

#include "base/saturating.hpp"
#include "runtime/exec/arena.hpp"

namespace lanewise::exec {
namespace {

constexpr auto kSequenceRows = static_cast<size_t>(graph::RowSymbol::kSequences);

template <typename T>
int64_t bytes_of(int64_t count) {
  return base::multiply_or_max(count, sizeof(T));
}

}  // namespace

int64_t scratch_stride(const plan::Program& program) noexcept {
  constexpr int64_t kCacheLine = 64;
  const auto bytes = static_cast<int64_t>(program.scratch_bytes);
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

int64_t most_pieces(const plan::Program& program, size_t node, const plan::RowCounts& rows,
                    int threads, int64_t parts) noexcept {
  const graph::ValueId output = program.graph.nodes[node].output;
  const auto symbol = static_cast<size_t>(program.graph.values[static_cast<size_t>(output)].rows);
  const ops::PieceLimit limit = program.operators[node]->most_pieces(threads);
  return limit.of(rows[symbol], rows[kSequenceRows], parts);
}

Room Room::of(const plan::Program& program, const plan::RowCounts& rows,
              const RoomSetup& setup) noexcept {
  Room room;
  room.work = program.memory.work.total_bytes(rows);
  room.results = program.memory.results.total_bytes(rows);
  room.scratch = base::multiply_or_max(scratch_stride(program), setup.threads);
  const size_t nodes = program.operators.size();
  for (size_t i = 0; i < nodes; ++i) {
    room.pieces = base::add_or_max(room.pieces, most_pieces(program, i, rows, setup.threads));
  }
  if (setup.slice_rows > 0) room.slices = Slices::limits(rows, setup.slice_rows, setup.threads);
  if (room.slices.slices == 0) return room;
  for (size_t i = 0; i < nodes; ++i) {
    const int64_t pieces = most_pieces(program, i, rows, 1, room.slices.slices);
    room.slice_pieces = base::add_or_max(room.slice_pieces, pieces);
  }
  room.slice_begins = room.slices.slices * static_cast<int64_t>(nodes) + 1;
  return room;
}

int64_t Room::bytes() const noexcept {
  int64_t sum = slices.bytes();
  for (const int64_t bytes : {Arena::allocated_for(work), Arena::allocated_for(results),
                              Arena::allocated_for(scratch), bytes_of<ops::Piece>(pieces),
                              bytes_of<ops::Piece>(slice_pieces), bytes_of<size_t>(slice_begins)}) {
    sum = base::add_or_max(sum, bytes);
  }
  return sum;
}

}  // namespace lanewise::exec
