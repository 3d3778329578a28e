#!/usr/bin/env python3
"""Scores pronunciations against the held-out words, or writes what the PyTorch model says.

Score the output of a runtime (one line a word, phonemes separated by spaces):

    cut -f1 models/g2p/test_words.tsv > words.txt
    lanewise generate models/g2p --input words.txt > hyp.txt
    python models/g2p/evaluate.py hyp.txt

Run the PyTorch model on the first 100 words instead (greedy, f32 arithmetic from the stored f16 weights):

    python models/g2p/evaluate.py --pytorch expected.txt --words 100

Scoring needs no package; --pytorch needs torch.
"""

import argparse
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


def edit_distance(left, right):
    """The fewest insertions, deletions and substitutions that turn one list into the other."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def error_rates(hypotheses, references):
    """(PER, WER); `references` holds a list of pronunciations for each word, and the nearest one counts.

    Of equally near pronunciations the shortest is taken, which gives the higher rate.
    """
    edits = phonemes = wrong = 0
    for hypothesis, listed in zip(hypotheses, references, strict=True):
        distance, length = min((edit_distance(hypothesis, one), len(one)) for one in listed)
        edits += distance
        phonemes += length
        wrong += distance > 0
    return edits / phonemes, wrong / len(references)


def read_references(path):
    """Words and their pronunciations, from lines of a word and, after tabs, each pronunciation."""
    words, references = [], []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        word, *listed = line.split("\t")
        words.append(word)
        references.append([one.split() for one in listed])
    return words, references


def read_hypotheses(path):
    """One list of phonemes for each line; an empty line is an empty pronunciation."""
    return [line.split() for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]


def pytorch_hypotheses(folder, words):
    """What the stored model says when PyTorch runs it greedily."""
    import train  # here, because scoring a file should not need torch

    model, config = train.load_exported(folder)
    return train.pronounce(model, train.vocabulary_of(config), words)


def main():
    """Reads the command line; see the text at the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hypotheses", nargs="*", help="files with one line for each word")
    parser.add_argument("--references", default=HERE / "test_words.tsv", help="word, tab, pronunciations")
    parser.add_argument("--model", default=HERE, type=pathlib.Path, help="folder of model.pt and config.json")
    parser.add_argument("--pytorch", metavar="FILE", help="run the PyTorch model and write its output here")
    parser.add_argument("--words", type=int, help="only the first so many words")
    arguments = parser.parse_args()
    if not arguments.hypotheses and not arguments.pytorch:
        parser.error("give a file of hypotheses, or --pytorch FILE")

    words, references = read_references(arguments.references)
    words, references = words[: arguments.words], references[: arguments.words]
    runs = {name: read_hypotheses(name) for name in arguments.hypotheses}
    if arguments.pytorch:
        said = pytorch_hypotheses(arguments.model, words)
        pathlib.Path(arguments.pytorch).write_text("".join(" ".join(one) + "\n" for one in said), encoding="utf-8")
        runs[arguments.pytorch] = said

    for name, hypotheses in runs.items():
        if len(hypotheses) != len(words):
            parser.exit(1, f"{name}: {len(hypotheses)} lines for {len(words)} words\n")
        per, wer = error_rates(hypotheses, references)
        print(f"{name}: {len(words)} words, PER {per:.2%}, WER {wer:.2%}")


if __name__ == "__main__":
    main()
