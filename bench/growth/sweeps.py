"""What is measured: each sweep gives rows of (what, seconds, work), in the unit of work that it names."""
import json
import os
import pathlib
import subprocess
import time
from typing import Any, Callable, NamedTuple

import random_checkpoint

from .work import Decoder, Encoder

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LANEWISE", str(ROOT / "build/release/lanewise"))
WORK = ROOT / "build/growth"

ENCODER = Encoder(256, 4)
VOCABULARY = 3000


class Point(NamedTuple):
    """A row of a table."""

    what: str
    seconds: float
    work: float


class Sweep(NamedTuple):
    """points() measures, for so many seconds each; `reference` is the row from which the others are predicted."""

    name: str
    title: str
    work_unit: str
    scale: float
    reference: int
    points: Callable[[float], list[Point]]
    bend: str


def lanewise(*arguments: Any) -> str:
    """The standard output of the program."""
    return subprocess.run([PROGRAM, *map(str, arguments), "--quiet"], check=True, capture_output=True,
                          text=True).stdout


def bench(model: pathlib.Path, seconds: float, *work: Any) -> dict[str, Any]:
    """Results of `lanewise bench`."""
    return json.loads(lanewise("bench", model, *work, "--seconds", seconds, "--json"))


def made(name: str, make: Callable[[pathlib.Path], Any]) -> pathlib.Path:
    """The model file of a checkpoint that `make` writes; the checkpoint does not stay."""
    model = WORK / f"{name}.lw"
    if not model.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        checkpoint = WORK / name
        make(checkpoint)
        lanewise("convert", checkpoint, "-o", model, "--weights", "f32")
        for file in checkpoint.iterdir():
            file.unlink()
        checkpoint.rmdir()
    return model


def encoder() -> pathlib.Path:
    """4 layers of width 256, up to 8,192 tokens, with a WordPiece vocabulary."""
    def make(folder: pathlib.Path) -> None:
        random_checkpoint.bert(folder, ENCODER.width, ENCODER.layers, VOCABULARY, positions=8192)
        random_checkpoint.add_word_pieces(folder, VOCABULARY)
    return made("encoder", make)


def decoder(shape: Decoder, positions: int = 2048) -> pathlib.Path:
    """A decoder of that shape."""
    return made(f"decoder-{shape.width}-{shape.layers}-{shape.vocabulary}-{positions}",
                lambda folder: random_checkpoint.llama(folder, shape.width, shape.layers, shape.vocabulary, positions))


def lengths(seconds: float) -> list[Point]:
    """One sequence."""
    return [Point(f"{n:,}", bench(encoder(), seconds, "--length", n)["p50_ms"] * 1e-3, ENCODER.flops([n]))
            for n in (16, 64, 256, 512, 1024, 2048, 4096, 8192)]


def batches(seconds: float) -> list[Point]:
    """Sequences of 32 tokens."""
    return [Point(f"{n:,}", bench(encoder(), seconds, "--batch", n, "--length", 32)["p50_ms"] * 1e-3,
                  ENCODER.flops([32] * n)) for n in (1, 4, 16, 64, 256, 1024)]


def threads(seconds: float) -> list[Point]:
    """8 sequences of 128 tokens; the work is that of each thread."""
    most = len(os.sched_getaffinity(0))
    counts = sorted({min(most, 1 << power) for power in range(most.bit_length() + 1)})
    return [Point(str(n), bench(encoder(), seconds, "--batch", 8, "--length", 128, "--threads", n)["p50_ms"] * 1e-3,
                  ENCODER.flops([128] * 8) / n) for n in counts]


def step_seconds(model: pathlib.Path, seconds: float, past: int, new_tokens: int = 16) -> float:
    """A token of the decoder after `past` others and half of the new ones."""
    return bench(model, seconds, "--length", past, "--new-tokens", new_tokens)["between_tokens_ms"] * 1e-3


def parameters(seconds: float) -> list[Point]:
    """Tokens after 16 others."""
    shapes = [Decoder(128, 4, 4000), Decoder(256, 8, 8000), Decoder(512, 8, 16000), Decoder(768, 12, 32000),
              Decoder(1280, 20, 32000), Decoder(2048, 20, 32000)]
    return [Point(f"{shape.parameters() / 1e6:,.0f} M", step_seconds(decoder(shape), seconds, 16),
                  shape.step_bytes(24)) for shape in shapes]


def vocabularies(seconds: float) -> list[Point]:
    """Tokens after 16 others, width 256."""
    return [Point(f"{n:,}", step_seconds(decoder(Decoder(256, 4, n)), seconds, 16), Decoder(256, 4, n).step_bytes(24))
            for n in (1000, 8000, 32000, 64000, 128000, 256000)]


def caches(seconds: float) -> list[Point]:
    """Tokens after so many others."""
    shape = Decoder(128, 4, 1000)
    return [Point(f"{past:,}", step_seconds(decoder(shape, 32768 + 64), seconds, past, 32), shape.step_bytes(past + 16))
            for past in (128, 512, 2048, 8192, 32768)]


def texts(seconds: float) -> list[Point]:
    """One line through WordPiece: the time of `lanewise tokenize` beyond that for a line of one word."""
    vocabulary = WORK / "words"
    vocabulary.mkdir(parents=True, exist_ok=True)
    words = random_checkpoint.add_word_pieces(vocabulary, VOCABULARY)
    file = WORK / "text.txt"

    def fastest(text: str) -> float:
        file.write_text(text)
        times, end = [], time.monotonic() + seconds
        while len(times) < 3 or time.monotonic() < end:
            begin = time.perf_counter()
            lanewise("tokenize", encoder(), "--input", file, "--json")
            times.append(time.perf_counter() - begin)
        return min(times)
    start = fastest(words[0])
    return [Point(f"{size // 1000:,} kB", max(1e-6, fastest(random_checkpoint.made_up_text(words, size)) - start), size)
            for size in (10_000, 100_000, 1_000_000)]


def files(seconds: float) -> list[Point]:
    """Opening a file whose pages are in memory."""
    shapes = [Decoder(256, 8, 8000), Decoder(768, 12, 32000), Decoder(2048, 20, 32000)]
    points = []
    for shape in shapes:
        model = decoder(shape)
        size = model.stat().st_size
        opened = min(bench(model, 0.05, "--length", 1, "--new-tokens", 1)["load_ms"] for _ in range(3))
        points.append(Point(f"{size / 1e6:,.0f} MB", opened * 1e-3, size))
    return points


SWEEPS = [
    Sweep("lengths", "tokens of one sequence (4 layers of width 256)", "GFLOP", 1e9, 3, lengths,
          "Attention grows with the square of the length, which the prediction contains. Short sequences have too few "
          "rows for all threads, and every layer waits for the slowest one."),
    Sweep("batches", "sequences of 32 tokens", "GFLOP", 1e9, 3, batches,
          "Threads take a slice of whole sequences through all layers, so that a large batch should cost no more for each "
          "sequence than a small one; ratios above 1 show by how much it does."),
    Sweep("threads", "threads, 8 x 128 tokens", "GFLOP per thread", 1e9, 0, threads,
          "Threads share the caches, the memory and, where there are two on a core, its arithmetic."),
    Sweep("parameters", "parameters of a decoder, f32, one token", "GB", 1e9, 4, parameters,
          "Models that fit in a cache are faster than the memory predicts; the smallest are bound by the waits of the "
          "threads between the operators instead."),
    Sweep("vocabularies", "vocabulary of a decoder, width 256, one token", "GB", 1e9, 3, vocabularies,
          "The table of embeddings is the last layer too, and soon the whole model."),
    Sweep("caches", "tokens in the cache (4 layers of width 128, one head of keys and values)", "GB", 1e9, 4, caches,
          "The cache outgrows the weights and then the processor's caches."),
    Sweep("texts", "one line through the tokenizer", "MB", 1e6, 2, texts,
          "Linear: no text is searched again from its beginning."),
    Sweep("files", "opening a converted file", "GB", 1e9, 0, files,
          "Not by bytes: the file is mapped, and opening reads its header, whose size is that of the list of tensors."),
]
