#!/usr/bin/env python3
"""Checks that lanewise encodes and decodes the texts of translation models as Transformers does.

    python check_hf_tokenizers.py PROGRAM [--random N] [FOLDER...]

For each folder of hf_tokenizer_folders.py, which states the reference where Transformers contradicts itself: the ids of 500 lines and N
random texts (`tokenize --json`), the same with other source languages, the texts that a model with random weights generates
(`generate --json`, and `--stream`), and the first token of a target language given by name. Prints what was compared, and the
first differences.
"""

import argparse
import pathlib
import sys
import tempfile

import transformers
from hf_tokenizer_folders import FOLDERS
from make_subword_golden import training_text
from tokenizer_checks import Check, Program, texts_of

GENERATED = 200
SAMPLED = ("--temperature", "3", "--seed", "1")
LIMIT = ("--max-new-tokens", "24")


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
        """Generates for each text alone, because the seed depends on its index."""
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
        """A text and its ids must generate the same."""
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
