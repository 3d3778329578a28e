"""Shared by the scripts that compare the program's tokenizers with others: texts, runs of the program, and a count of differences."""

import json
import random
import subprocess

from make_subword_golden import Generator, lines, random_text, vocabulary_of_texts
from make_torch_transformer_golden import padded
from safetensors.numpy import save_file

SHOWN = 5


def one_line(text):
    """A line of a file cannot hold these."""
    return text.replace("\n", " ").rstrip("\r")


def texts_of(training, specials, count):
    """500 lines, with special tokens in a fifth of them, and random texts."""
    rng = random.Random(5)
    texts = []
    for text in lines(training):
        if specials and rng.random() < 0.2:
            at = rng.choice([0, rng.randrange(len(text) + 1)])
            text = text[:at] + rng.choice(["", " ", "  "]) + rng.choice(specials) + rng.choice(["", " ", "  "]) + text[at:]
        texts.append(text)
    words = vocabulary_of_texts(training) + [token for token in specials for _ in range(20)]
    generator = Generator(31)
    return [one_line(text) for text in texts + [random_text(generator, words) for _ in range(count)]]


class Program:
    def __init__(self, program, folder, work):
        self.program, self.folder, self.work = program, folder, work

    def run(self, command, texts, *flags):
        path = self.work / "input.txt"
        path.write_bytes(b"".join(text.encode() + b"\n" for text in texts))
        return self.lines(command, len(texts), "--input", path, *flags)

    def run_ids(self, rows, *flags):
        path = self.work / "ids.safetensors"
        width = max(map(len, rows))
        save_file({"input_ids": padded(rows, width, 0), "attention_mask": padded([[1] * len(row) for row in rows], width, 0)}, path)
        return self.lines("generate", len(rows), "--input-ids", path, *flags)

    def stream(self, text, *flags):
        """Streamed text may contain line ends, and ends with an additional one."""
        return self.output("generate", "--stream", *flags, text).removesuffix("\n")

    def lines(self, command, count, *flags):
        found = [json.loads(line) for line in self.output(command, "--json", *flags).split("\n")[:-1]]
        assert len(found) == count, f"{count} texts, {len(found)} lines"
        return found

    def output(self, command, *arguments):
        done = subprocess.run([self.program, command, self.folder, "--quiet", *arguments], capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr.decode().strip())
        return done.stdout.decode()


class Check:
    def __init__(self, name):
        self.name, self.wrong = name, 0

    def compare(self, what, texts, expected, found):
        differing = [i for i, (a, b) in enumerate(zip(expected, found)) if a != b]
        print(f"{self.name:24} {what}: {len(texts)} compared, {len(differing) or 'none'} different", flush=True)
        for i in differing[:SHOWN]:
            print(f"    of {texts[i]!r}\n    expected {expected[i]!r}\n    found    {found[i]!r}")
        self.wrong += len(differing)

    def attempt(self, what, function):
        try:
            function()
        except RuntimeError as error:
            print(f"{self.name:24} {what}: FAILED: {error}", flush=True)
            self.wrong += 1
