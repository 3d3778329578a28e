#!/usr/bin/env python3
"""Writes tests/data/minilm/batch{1,3,32}.safetensors: what PyTorch computes for all-MiniLM-L6-v2.

    python make_minilm_golden.py [--model DIR] [--output DIR]

README.md beside this file describes the tensors.
"""

import argparse
import pathlib
import subprocess

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import BertModel

HERE = pathlib.Path(__file__).resolve().parent
CLS, SEP = 101, 102
FIRST_WORD, VOCAB = 999, 30522  # ids below FIRST_WORD are [unused..] and specials
MIDDLE_POSITIONS = 2  # drawn at random in each sequence, beside its first and its last

BATCHES = {
    # name: lengths, rows padded on the left, rows whose second half has token type 1
    "batch1": ([512], [], []),
    "batch3": ([37, 5, 128], [1], [1, 2]),
    "batch32": (
        [1, 2, 511, 512, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 48, 63,
         64, 65, 96, 100, 127, 129, 200, 257],
        [],
        [],
    ),
}


def draw_ids(length, rng):
    """[CLS] words [SEP]; a sequence of one token is [CLS] alone."""
    words = rng.integers(FIRST_WORD, VOCAB, size=max(length - 2, 0))
    return np.concatenate([[CLS], words, [SEP]])[:length].astype(np.int32)


def forward(model, ids, types):
    """One sequence, without padding: hidden states [T, D], pooler [D], sentence vector [D]."""
    with torch.inference_mode():
        out = model(
            input_ids=torch.tensor(ids[None].astype(np.int64)),
            attention_mask=torch.ones(1, len(ids), dtype=torch.int64),
            token_type_ids=torch.tensor(types[None].astype(np.int64)),
        )
        # modules.json: mean over the mask (all of a sequence's tokens), then L2.
        sentence = torch.nn.functional.normalize(out.last_hidden_state.mean(dim=1), dim=1)
    return [t[0].double().numpy() for t in (out.last_hidden_state, out.pooler_output, sentence)]


def make_batch(name, models, rng):
    lengths, left_padded, typed = BATCHES[name]
    width = max(lengths)
    shape = (len(lengths), width)
    input_ids, mask, type_ids = (np.zeros(shape, np.int32) for _ in range(3))
    rows, positions, hidden_rows, pooled, sentences = [], [], [], [], []
    largest = difference = 0.0
    for row, length in enumerate(lengths):
        ids = draw_ids(length, rng)
        types = np.zeros(length, np.int32)
        if row in typed:
            types[length // 2 :] = 1
        start = width - length if row in left_padded else 0
        input_ids[row, start : start + length] = ids
        mask[row, start : start + length] = 1
        type_ids[row, start : start + length] = types

        hidden, pooler, sentence = forward(models["f32"], ids, types)
        exact = forward(models["f64"], ids, types)[0]
        largest = max(largest, np.abs(hidden).max())
        difference = max(difference, np.abs(hidden - exact).max())
        pooled.append(pooler)
        sentences.append(sentence)

        middle = rng.integers(0, length, size=MIDDLE_POSITIONS)
        for position in sorted({0, length - 1, *middle.tolist()}):
            rows.append(row)
            positions.append(start + position)
            hidden_rows.append(hidden[position])

    tensors = {
        "input_ids": input_ids,
        "attention_mask": mask,
        "rows": np.array(rows, np.int32),
        "positions": np.array(positions, np.int32),
        "last_hidden_state_rows": np.array(hidden_rows, np.float32),
        "last_hidden_state_max": np.array([largest], np.float32),
        "max_abs_sensitivity": np.array([difference], np.float32),
        "pooler_output": np.array(pooled, np.float32),
        "sentence_embedding": np.array(sentences, np.float32),
    }
    if typed:
        tensors["token_type_ids"] = type_ids
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="checkpoint folder; default: what tools/get-model prints")
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "minilm")
    args = parser.parse_args()
    folder = args.model or subprocess.check_output(
        [HERE.parent.parent / "tools" / "get-model", "minilm"], text=True).strip()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    models = {
        name: BertModel.from_pretrained(folder, attn_implementation="eager", dtype=dtype).eval()
        for name, dtype in (("f32", torch.float32), ("f64", torch.float64))
    }
    args.output.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(BATCHES):
        tensors = make_batch(name, models, np.random.default_rng(seed))
        path = args.output / f"{name}.safetensors"
        save_file(tensors, path)
        largest, difference = tensors["last_hidden_state_max"][0], tensors["max_abs_sensitivity"][0]
        print(f"{path.name}: {path.stat().st_size} bytes, largest {largest:.4f}, "
              f"f32 against f64 {difference:.2e} ({difference / largest:.1e} of it)")


if __name__ == "__main__":
    main()
