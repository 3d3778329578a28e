#!/usr/bin/env python3
"""Writes tests/data/g2p_gru/words.txt: the results of the model of tools/get-model g2p-gru for 1,000 words.

    python make_g2p_gru_golden.py --model FOLDER [--output FILE]

The arithmetic is g2p_en's, in NumPy and f32 as there: a GRU cell over the letters and </s>, its state, then the same
over the phonemes from <s> on, each time the most likely one, up to </s> or 20 of them. A line is the word, a tab and the
phonemes. The words are made of syllables by a formula, since no list of words is installed everywhere.
"""

import argparse
import json
import pathlib

import numpy as np

from make_torch_transformer_golden import hashes

HERE = pathlib.Path(__file__).resolve().parent
WORDS, LONGEST = 1000, 20
ONSETS = "b c ch d f g h j k l m n p qu r s sh st str t th tr v w wh x y z".split() + [""]
NUCLEI = "a e i o u ai ea ee ie oa oo ou y".split()
CODAS = ["", "", "", *"b ck d ff ght l ll m n nd ng nt p r rt s ss st t tch ve x".split(), "'s"]


def words():
    """Distinct words, in order of generation."""
    found = {}
    for i in range(100 * WORDS):
        numbers = [int(n) for n in hashes(f"word {i}", 13)]
        syllables = [part[numbers[1 + 3 * s + p] % len(part)]
                     for s in range(1 + numbers[0] % 4) for p, part in enumerate((ONSETS, NUCLEI, CODAS))]  # fmt: skip
        found["".join(syllables)] = None
        if len(found) == WORDS:
            return list(found)


def cell(v, side, x, h):
    ours = x @ v[f"{side}_w_ih"].T + v[f"{side}_b_ih"]
    theirs = h @ v[f"{side}_w_hh"].T + v[f"{side}_b_hh"]
    (ir, iz, inew), (hr, hz, hnew) = np.split(ours, 3), np.split(theirs, 3)
    r, z = 1 / (1 + np.exp(-(ir + hr))), 1 / (1 + np.exp(-(iz + hz)))
    return (1 - z) * np.tanh(inew + r * hnew) + z * h


def phonemes(v, letters, bos, eos):
    h = np.zeros(v["enc_w_hh"].shape[1], v["enc_w_hh"].dtype)
    for letter in letters:
        h = cell(v, "enc", v["enc_emb"][letter], h)
    found, last = [], bos
    while len(found) < LONGEST:
        h = cell(v, "dec", v["dec_emb"][last], h)
        last = int((h @ v["fc_w"].T + v["fc_b"]).argmax())
        if last == eos:
            break
        found.append(last)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "g2p_gru" / "words.txt")
    arguments = parser.parse_args()
    config = json.loads((arguments.model / "config.json").read_text())
    single = dict(np.load(arguments.model / "checkpoint20.npz"))
    double = {name: values.astype(np.float64) for name, values in single.items()}
    graphemes = {letter: i for i, letter in enumerate(config["source_vocabulary"])}
    lines, near = [], 0
    for word in words():
        letters = [graphemes.get(letter, graphemes["<unk>"]) for letter in word] + [graphemes["</s>"]]
        ids = phonemes(single, letters, config["bos_token_id"], config["eos_token_id"])
        near += ids != phonemes(double, letters, config["bos_token_id"], config["eos_token_id"])
        lines.append(word + "\t" + " ".join(config["target_vocabulary"][i] for i in ids) + "\n")
    print(f"{near} words that f64 reads differently")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("".join(lines))


if __name__ == "__main__":
    main()
