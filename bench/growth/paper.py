"""What larger machines should give, on paper: a stated machine, the same counts of work."""
import dataclasses
import math

from .work import Decoder, Encoder


@dataclasses.dataclass(frozen=True)
class Machine:
    """Sockets of equal cores. FLOP/s of a core, bytes/s of a socket's own memory and of the link from the other one,
    seconds of a barrier within a socket and across."""

    sockets: int = 2
    cores: int = 32
    core_flops: float = 100e9
    memory_bytes: float = 200e9
    core_bytes: float = 20e9
    link_bytes: float = 50e9
    barrier: float = 1e-6
    far_barrier: float = 3e-6


MACHINE = Machine()
MINILM = Encoder(384, 6)
BILLION = Decoder(2048, 20, 32000)
# Operators of a fused layer between which threads wait: two of attention's linear layers, attention, two of the
# feed-forward network, two norms.
WAITS = 7
# Tiles of 12 rows and panels of 16 outputs: what one thread takes at a time.
TILE_ROWS, PANEL = 12, 16


def encoder_seconds(machine: Machine, cores: int, lengths: list[int]) -> float:
    """The work of the busiest core, and the waits. Narrow layers have few pieces, which do not divide evenly."""
    pieces = math.ceil(sum(lengths) / TILE_ROWS) * (MINILM.width // (2 * PANEL))
    uneven = math.ceil(pieces / cores) * cores / pieces
    wait = machine.barrier if cores <= machine.cores else machine.far_barrier
    return MINILM.flops(lengths) * uneven / (cores * machine.core_flops) + (
        WAITS * MINILM.layers * wait if cores > 1 else 0.0)


def step_seconds(machine: Machine, cores: int, placed: str) -> float:
    """A token of a decoder of 1 B parameters, int8: bytes, and the waits.

    placed: `one`, all weights in the first socket's memory; `split`, each socket's part in its own; `interleaved`,
    half of each part in either.
    """
    size = BILLION.step_bytes(0) / 4
    per_socket = min(cores, machine.cores)
    near = min(machine.memory_bytes, per_socket * machine.core_bytes)
    wait = WAITS * BILLION.layers * (machine.barrier if cores <= machine.cores else machine.far_barrier)
    if cores <= machine.cores:
        return size / near + (wait if cores > 1 else 0.0)
    part = size / machine.sockets
    over_link = {"one": part, "interleaved": part / 2, "split": 0.0}[placed]
    return max(part / near, over_link / machine.link_bytes) + wait


def text() -> str:
    """The section of docs/performance.md."""
    machine, ms = MACHINE, 1e3
    rows = "".join(
        f"| {cores} | {ms * encoder_seconds(machine, cores, [128]):.2f} | "
        f"{ms * encoder_seconds(machine, cores, [128] * 64):.1f} | {ms * step_seconds(machine, cores, 'one'):.1f} | "
        f"{ms * step_seconds(machine, cores, 'split'):.1f} |\n" for cores in (1, 2, 8, 32, 64))
    interleaved = step_seconds(machine, 64, "interleaved")
    one, both = (encoder_seconds(machine, cores, [128]) for cores in (32, 64))
    return f"""### On paper: 64 cores, two sockets

A machine with {machine.sockets} sockets of {machine.cores} cores; {machine.core_flops / 1e9:.0f} GFLOP/s and at most {machine.core_bytes / 1e9:.0f} GB/s for a core, {machine.memory_bytes / 1e9:.0f} GB/s from a socket's own memory,
{machine.link_bytes / 1e9:.0f} GB/s from the other's; a barrier takes {machine.barrier * 1e6:.0f} µs in a socket and {machine.far_barrier * 1e6:.0f} µs across both, {WAITS} in each layer. Times in ms from
these numbers and the counts of work alone (`bench/growth/paper.py`); nothing here was measured.

| cores | MiniLM, 1 x 128, f32 | MiniLM, 64 x 128, f32 | 1 B parameters, int8, one token | the same, weights split by socket |
|---|---|---|---|---|
{rows}
- A short text gains little from the second socket: {one * ms:.2f} ms on 32 cores, {both * ms:.2f} ms on 64. Its pieces do not
  divide evenly among so many, and waits cross the link. One session for each socket, bound to its cores
  (`numactl --cpunodebind`), each with its own requests, does twice as many texts instead.
- A decoder is bound by memory. If all weights are in one socket's memory, the other one reads its part over the link,
  and 64 cores are slower than 32. Split by socket, each core's panels in its own memory, both memories are read at
  once. lanewise does not place pages: a page of a mapped file is where it was first read.
  `numactl --interleave=all` before the first run takes {interleaved * ms:.1f} ms, as half of each part then crosses the link. A copy of
  the weights for each socket's sessions, opened with `OpenOptions::read_into_memory` under `numactl --membind`, gives
  twice the tokens, each at the latency of one socket.
"""
