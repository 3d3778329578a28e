#!/usr/bin/env python3
"""Writes tests/data/g2p: PyTorch's results for the bundled model.

    python make_g2p_golden.py

README.md beside this file describes the files.
"""

import pathlib
import sys

import torch
from safetensors.numpy import save_file
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "models" / "g2p"))
import evaluate  # noqa: E402
import train  # noqa: E402

WORDS = 2000
ATTENTION_WORD = "transformer"


def attention_weights(model, source, target):
    """{kind: [layers, heads, queries, keys]} of one run."""
    weights = {"encoder": [], "decoder": [], "cross": []}

    def watch(module, kind):
        def forward(query, key, value, **arguments):
            arguments.update(need_weights=True, average_attn_weights=False)
            output, found = nn.MultiheadAttention.forward(module, query, key, value, **arguments)
            weights[kind].append(found[0])
            return output, found
        module.forward = forward

    for layer in model.transformer.encoder.layers:
        watch(layer.self_attn, "encoder")
    for layer in model.transformer.decoder.layers:
        watch(layer.self_attn, "decoder")
        watch(layer.multihead_attn, "cross")
    model(source, target)
    return {kind: torch.stack(found) for kind, found in weights.items()}


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    model, config = train.load_exported(ROOT / "models" / "g2p")
    vocabulary = train.vocabulary_of(config)
    words, _ = evaluate.read_references(ROOT / "models" / "g2p" / "test_words.tsv")
    folder = ROOT / "tests" / "data" / "g2p"
    folder.mkdir(parents=True, exist_ok=True)

    said = train.pronounce(model, vocabulary, words[:WORDS])
    (folder / "pytorch.txt").write_text("".join(" ".join(one) + "\n" for one in said), encoding="utf-8")

    source = torch.tensor([vocabulary.encode(ATTENTION_WORD)])
    target = torch.tensor([[train.BOS, *train.greedy(model, source)[0]]])
    weights = attention_weights(model, source, target)
    save_file({kind: found.numpy() for kind, found in weights.items()}, folder / "attention.safetensors")
    for kind, found in weights.items():
        print(kind, list(found.shape))


if __name__ == "__main__":
    main()
