#!/usr/bin/env python3
"""Checks that lanewise reads and writes the texts of translating models as Transformers does.

    python check_hf_tokenizers.py PROGRAM [--random N] [FOLDER...]

For each folder of hf_tokenizer_folders.py, which says what counts where Transformers is at odds with itself: the ids of 500 lines and N
random texts (`tokenize --json`), the same with other source languages, the texts of what a model with random weights generates
(`generate --json`, and `--stream`), and the first token of a target language given by name. Prints what was compared, and the
first differences.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import transformers
from hf_tokenizer_folders import FOLDERS
from make_subword_golden import Generator, lines, random_text, training_text, vocabulary_of_texts
from make_torch_transformer_golden import padded
from safetensors.numpy import save_file

SHOWN = 5
GENERATED = 200
SAMPLED = ("--temperature", "3", "--seed", "1")
LIMIT = ("--max-new-tokens", "24")


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
        """What is streamed may have lines of its own, and ends with one more."""
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


def check(name, program, reference, texts):
    result = Check(name)

    def ids(what, texts, source, *flags):
        expected = [reference.encode(text, source) for text in texts]
        result.compare(what, texts, expected, [line["ids"] for line in program.run("tokenize", texts, *flags)])
        return expected

    def generated(what, texts, *flags):
        found = program.run("generate", texts, *LIMIT, *flags)
        result.compare(what, texts, [reference.decode(line["ids"]) for line in found], [line["text"] for line in found])
        return found

    def streamed():
        """Each text alone, or it would have another seed."""
        some = [f"a{text}" for text in texts[40:80] if "\0" not in text]  # no option, nothing empty
        expected = [reference.decode(program.run("generate", [text], *LIMIT, *SAMPLED)[0]["ids"]) for text in some]
        result.compare("streamed text", some, expected, [program.stream(text, *LIMIT, *SAMPLED) for text in some])

    def target(language, token):
        found = generated(f"text in {language}", texts[40:60], "--target-language", language)
        result.compare(f"first token for {language}", texts[40:60], [token] * 20, [line["ids"][0] for line in found])

    result.attempt("ids", lambda: ids("ids", texts, None))
    result.attempt("text", lambda: generated("text", texts[:GENERATED], *SAMPLED))
    result.attempt("stream", streamed)
    for language, token in reference.targets.items():
        result.attempt(language, lambda: target(language, token))
    def source(language):
        """What is generated from a text must be what is generated from its ids."""
        flags = ("--source-language", language)
        ids(f"ids of {language}", texts[::10], language, *flags)
        some = texts[40:60]
        expected = program.run_ids([reference.encode(text, language) for text in some], *LIMIT)
        result.compare(f"generated from {language}", some, expected, program.run("generate", some, *LIMIT, *flags))

    for language in reference.sources:
        result.attempt(language, lambda: source(language))
    if reference.other:
        other = sum(reference.encode(text) != reference.other.encode(text) for text in texts[:500])
        print(f"{name:24} Transformers {transformers.__version__} gives other ids for {other} of 500 lines (no fault)")
    return result.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--random", type=int, default=3000)
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    arguments = parser.parse_intermixed_args()
    transformers.logging.set_verbosity_error()
    training = training_text()
    wrong = 0
    for name in arguments.folders or FOLDERS:
        with tempfile.TemporaryDirectory() as work:
            folder = pathlib.Path(work) / name
            folder.mkdir()
            reference = FOLDERS[name](folder, training)
            texts = texts_of(training, reference.specials, arguments.random)
            wrong += check(name, Program(arguments.program, folder, pathlib.Path(work)), reference, texts)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
