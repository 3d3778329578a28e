"""The models and inputs of the fixed runs, made anew each time: a function of this file and bench/random_checkpoint.py."""
import pathlib
import subprocess
from typing import Any

import random_checkpoint

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/release/lanewise"
VOCABULARY = 3000


def lanewise(*arguments: Any) -> str:
    """The standard output of the program."""
    return subprocess.run([PROGRAM, *map(str, arguments), "--quiet"], check=True, capture_output=True,
                          text=True).stdout


class Fixtures:
    """Files in a folder. valgrind computes every f32 multiply-add in a function of its own, 100 times as slow as anything
    else: hence few tokens and layers."""

    def __init__(self, folder: pathlib.Path):
        encoder = random_checkpoint.bert(folder / "encoder", 256, 2, VOCABULARY)
        words = random_checkpoint.add_word_pieces(encoder, VOCABULARY)
        decoder = random_checkpoint.llama(folder / "decoder", 256, 1, 1000)
        self.checkpoint = random_checkpoint.bert(folder / "checkpoint", 128, 1, 500)
        self.encoders = {weights: self._converted(encoder, weights) for weights in ("f32", "int8")}
        self.decoder = self._converted(decoder, "f32")
        self.text = folder / "text.txt"
        self.text.write_text(random_checkpoint.made_up_text(words, 100_000, 200))
        self.ids, self.prompt = folder / "ids.safetensors", folder / "prompt.safetensors"
        random_checkpoint.write_ids(self.ids, [[50 + (37 * i + row) % 2900 for i in range(20)] for row in (1, 2)])
        random_checkpoint.write_ids(self.prompt, [[50 + 37 * i % 900 for i in range(16)]])
        self.folder = folder

    @staticmethod
    def _converted(checkpoint: pathlib.Path, weights: str) -> pathlib.Path:
        path = checkpoint.with_suffix(f".{weights}.lw")
        lanewise("convert", checkpoint, "-o", path, "--weights", weights, "--threads", 1)
        return path
