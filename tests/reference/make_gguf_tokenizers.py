#!/usr/bin/env python3
"""Writes tests/data/gguf/tokenizers.json: ids that llama.cpp gives for texts with small tokenizers of GGUF files.

    python make_gguf_tokenizers.py --peer PYTHON [--output FILE]

PEER is a Python with the package llama_cpp. The tokenizers are trained as in check_gguf_tokenizers.py, on its samples
alone, so that the file does not change with the repository.
"""

import argparse
import json
import pathlib
import tempfile

from check_gguf_tokenizers import (ADDED, ADDED_TYPES, SAMPLES, peers, random_texts, train_bpe, train_pieces, write_bpe,
                                   write_pieces)

HERE = pathlib.Path(__file__).resolve().parent
PRE = ["default", "falcon", "gpt-2", "gpt-4o", "llama-bpe", "qwen2", "smollm", "tekken"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "gguf" / "tokenizers.json")
    arguments = parser.parse_args()
    texts = SAMPLES + random_texts(60)
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        tokens, merges = train_bpe([], 420)
        pieces = train_pieces([], folder, 480)
        ids = {}
        for pre in PRE:
            write_bpe(folder / "model.gguf", tokens, merges, pre)
            ids[pre] = peers(arguments.peer, str(folder / "model.gguf"), texts)
        for prefix in (True, False):
            write_pieces(folder / "model.gguf", pieces, add_space_prefix=prefix)
            name = "pieces" if prefix else "pieces without prefix"
            ids[name] = peers(arguments.peer, str(folder / "model.gguf"), texts)
    golden = {"bpe": {"tokens": tokens + ADDED, "types": [1] * len(tokens) + ADDED_TYPES, "merges": merges},
              "pieces": pieces, "texts": texts, "ids": ids}  # fmt: skip
    lines = (f" {json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in golden.items())
    arguments.output.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
