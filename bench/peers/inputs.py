"""What the contenders run on: the same for all of them, from fixed seeds. Needs numpy."""
import pathlib
import re

import numpy as np

# Tokens of 32 sentences of documentation.
RAGGED = [16, 21, 29, 103, 45, 43, 11, 26, 39, 56, 28, 33, 15, 65, 40, 20,
          48, 29, 8, 51, 34, 13, 43, 27, 35, 16, 42, 21, 10, 49, 39, 28]


def padded_ids(lengths: list[int], first: int, last: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random ids of first ... last - 1 and their mask, both [sequences, longest] int64, 0 at padding."""
    shape = len(lengths), max(lengths)
    mask = (np.arange(shape[1])[None] < np.array(lengths)[:, None]).astype(np.int64)
    return np.random.default_rng(seed).integers(first, last, shape) * mask, mask


def source_lengths(count: int = 32) -> list[int]:
    """Tokens of sentences to translate: log-normal, 5 to 80."""
    return [int(min(80, max(5, x))) for x in np.random.default_rng(3).lognormal(3.1, 0.5, count)]


def sources(count: int, vocabulary: int) -> list[list[int]]:
    """Random ids, without those at both ends of the vocabulary, which are special in Marian's models."""
    generator = np.random.default_rng(4)
    return [generator.integers(5, vocabulary - 2, n).tolist() for n in source_lengths(32)][:count]


def real_texts(root: pathlib.Path, count: int) -> list[str]:
    """Sentences of this repository's documentation, with the lengths that people's texts have."""
    texts = []
    for path in sorted((root / "docs").glob("*.md")):
        for paragraph in re.split(r"\n\s*\n", path.read_text()):
            line = " ".join(paragraph.split())
            if line[:1] not in ("|", "#", "`", "<", "{") and len(line) > 20:
                texts += [sentence for sentence in re.split(r"(?<=[.:]) ", line) if len(sentence) > 10]
    step = max(1, len(texts) // count)
    return texts[::step][:count]


def arrivals(rate: float, seconds: float, seed: int = 5) -> list[float]:
    """Times of a Poisson process in s, `rate` a second on average."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(2 * rate * seconds) + 16)
    times = np.cumsum(gaps)
    return times[times < seconds].tolist()
