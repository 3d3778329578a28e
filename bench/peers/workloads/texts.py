"""Sentence vectors from texts, tokenizer included: all texts at once, and a stream of single ones."""
import pathlib

from ..inputs import real_texts
from ..results import Contender
from .suite import Suite, Workload

TEXTS = 256
# Texts a second: half of what the slowest peer can take on two cores with AVX2.
RATE = 30.0
STREAM_SECONDS = 4.0


def suites(root: pathlib.Path) -> list[Suite]:
    """MiniLM, whose tokenizer everybody has."""
    texts = real_texts(root, TEXTS)
    contenders = [Contender(runtime, precision) for runtime, precision in (
        ("sentence-transformers", "f32"), ("fastembed's way", "f32"), ("lanewise", "f32"),
        ("fastembed's way", "int8"), ("lanewise", "int8"))]
    workloads = [
        Workload(f"{TEXTS} texts", "embed", {"texts": texts}),
        Workload(f"stream, {RATE:.0f} a second", "embed", {"texts": texts}, rate=RATE, slice_seconds=STREAM_SECONDS)]
    # Largest difference of a unit vector's numbers over the largest number.
    return [Suite("texts", "Sentences to vectors, MiniLM-L6", "minilm", workloads, contenders,
                  {"f32": 1e-3, "int8": 0.6}, reference="sentence-transformers")]
