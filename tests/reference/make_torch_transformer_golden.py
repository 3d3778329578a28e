#!/usr/bin/env python3
"""Writes tests/data/torch_transformer/{post_norm_relu,pre_norm_gelu}.safetensors: torch.nn.Transformer at odd sizes.

    python make_torch_transformer_golden.py [--output FOLDER]

The weights are a function of their names (see `weight`), which tests/converters/torch_checkpoint.cpp computes to
the same bits, so no checkpoint has to be kept. The post-norm model has a table of positions, the pre-norm one makes
the sinusoidal table.

Greedy and beam searches (4 beams) run in f32 and in f64 and must agree, so that no choice depends on a
rounding.
"""

import argparse
import math
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEADS, HIDDEN = 130, 5, 199
ENCODER_LAYERS, DECODER_LAYERS = 3, 2
SOURCE_TOKENS, TARGET_TOKENS = 101, 97
POSITIONS = 64
PAD, BOS, EOS = 0, 1, 2
EOS_BIAS = 1.5  # so that hypotheses end at different lengths
SOURCES, LONGEST, NEW_TOKENS, BEAMS = 64, 40, 24, 4
TEACHER_SOURCES, TEACHER_TARGETS = (17, 1, 9, 5), (12, 7, 1, 10)


def hashes(name, count):
    """A 32-bit number for each index: FNV-1a of the name and the index, mixed as MurmurHash3 ends."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    h = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)) & mask
    h = (h ^ (h >> np.uint64(16))) * np.uint64(0x85EBCA6B) & mask
    h = (h ^ (h >> np.uint64(13))) * np.uint64(0xC2B2AE35) & mask
    return h ^ (h >> np.uint64(16))


def weight(name, shape):
    """Uniform numbers of 24 bits in [-1, 1), times a power of two; norms around 1."""
    whole = (hashes(name, math.prod(shape)) >> np.uint64(8)).astype(np.int64) - 2**23
    x = whole.astype(np.float32) * np.float32(2**-23)
    if "norm" in name and name.endswith("weight"):
        x = np.float32(1) + x * np.float32(0.25)
    elif name == "generator.weight":
        x = x * np.float32(0.25)
    elif name == "positional_encoding.pos_embedding":
        x = x * np.float32(0.5)
    else:
        x = x * np.float32(0.0625 if len(shape) == 1 else 0.125)
    if name == "generator.bias":
        x[EOS] = EOS_BIAS
    return x.reshape(shape)


def sinusoidal_table():
    rate = 10000.0 ** (-np.arange(0, WIDTH, 2) / WIDTH)
    angle = np.arange(POSITIONS)[:, None] * rate
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(POSITIONS, WIDTH).astype(np.float32)


class Embedding(nn.Module):
    def __init__(self, tokens):
        super().__init__()
        self.embedding = nn.Embedding(tokens, WIDTH)

    def forward(self, ids):
        return self.embedding(ids) * math.sqrt(WIDTH)


class Model(nn.Module):
    """The module of PyTorch's translation tutorial."""

    def __init__(self, activation, norm_first):
        super().__init__()
        self.src_tok_emb = Embedding(SOURCE_TOKENS)
        self.tgt_tok_emb = Embedding(TARGET_TOKENS)
        self.transformer = nn.Transformer(WIDTH, HEADS, ENCODER_LAYERS, DECODER_LAYERS, HIDDEN, 0.0, activation,
                                          batch_first=True, norm_first=norm_first)  # fmt: skip
        self.generator = nn.Linear(WIDTH, TARGET_TOKENS)
        self.load_state_dict({name: torch.from_numpy(weight(name, tuple(value.shape)))
                              for name, value in self.state_dict().items()})  # fmt: skip
        table = sinusoidal_table()
        if not norm_first:
            table = weight("positional_encoding.pos_embedding", (POSITIONS, 1, WIDTH))[:, 0]
        self.register_buffer("positions", torch.from_numpy(table))

    def encode(self, source):
        return self.transformer.encoder(self.src_tok_emb(source) + self.positions[: source.shape[1]])

    def decode(self, target, memory):
        causal = torch.full((target.shape[1], target.shape[1]), -math.inf, dtype=memory.dtype).triu(1)
        x = self.tgt_tok_emb(target) + self.positions[: target.shape[1]]
        return self.generator(self.transformer.decoder(x, memory.expand(len(target), -1, -1), tgt_mask=causal))


def log_probabilities(model, memory, rows):
    """[rows, vocabulary] after rows of equal length."""
    return torch.log_softmax(model.decode(torch.tensor(rows), memory)[:, -1], dim=-1)


def greedy(model, memory):
    """(ids without the end token, score)."""
    row, score = [BOS], 0.0
    while len(row) <= NEW_TOKENS:
        step = log_probabilities(model, memory, [row])[0]
        token = int(step.argmax())
        score += float(step[token])
        row.append(token)
        if token == EOS:
            break
    return [token for token in row[1:] if token != EOS], score / (len(row) - 1)


def beam_search(model, memory):
    """The same with beams, by Transformers' rules: length_penalty 1, early_stopping false."""
    beams, done = [(0.0, [BOS])], []
    for length in range(1, NEW_TOKENS + 1):
        steps = log_probabilities(model, memory, [row for _, row in beams])
        scores = (steps + torch.tensor([score for score, _ in beams], dtype=steps.dtype)[:, None]).flatten()
        best = scores.topk(2 * BEAMS)
        ranked = [(float(score), beams[int(i) // TARGET_TOKENS][1] + [int(i) % TARGET_TOKENS])
                  for score, i in zip(best.values, best.indices)]  # fmt: skip
        done += [(score / length, row) for score, row in ranked[:BEAMS] if row[-1] == EOS or length == NEW_TOKENS]
        done = sorted(done, key=lambda hypothesis: -hypothesis[0])[:BEAMS]
        beams = [(score, row) for score, row in ranked if row[-1] != EOS][:BEAMS]
        if len(done) == BEAMS and beams[0][0] / length <= done[-1][0]:
            break
    score, row = done[0]
    return [token for token in row[1:] if token != EOS], score


def tokens(name, count, vocabulary):
    """Any tokens but the special ones."""
    return (3 + hashes(name, count) % np.uint64(vocabulary - 3)).astype(np.int64).tolist()


def padded(rows, width, fill):
    matrix = np.full((len(rows), width), fill, np.int32)
    for row, ids in zip(matrix, rows):
        row[: len(ids)] = ids
    return matrix


def teacher_forcing(model):
    """Each row alone; zeros where the others are longer."""
    sources = [tokens(f"teacher source {i}", n, SOURCE_TOKENS) for i, n in enumerate(TEACHER_SOURCES)]
    targets = [[BOS] + tokens(f"teacher target {i}", n - 1, TARGET_TOKENS) for i, n in enumerate(TEACHER_TARGETS)]
    memory = np.zeros((len(sources), max(TEACHER_SOURCES), WIDTH), np.float32)
    head = np.zeros((len(sources), max(TEACHER_SOURCES), TARGET_TOKENS), np.float32)
    logits = np.zeros((len(sources), max(TEACHER_TARGETS), TARGET_TOKENS), np.float32)
    for i, (source, target) in enumerate(zip(sources, targets)):
        encoded = model.encode(torch.tensor([source]))
        memory[i, : len(source)] = encoded[0]
        head[i, : len(source)] = model.generator(encoded)[0]
        logits[i, : len(target)] = model.decode(torch.tensor([target]), encoded)[0]
    return {"input_ids": padded(sources, max(TEACHER_SOURCES), PAD),
            "attention_mask": padded([[1] * len(row) for row in sources], max(TEACHER_SOURCES), 0),
            "decoder_input_ids": padded(targets, max(TEACHER_TARGETS), PAD),
            "decoder_attention_mask": padded([[1] * len(row) for row in targets], max(TEACHER_TARGETS), 0),
            "encoder_last_hidden_state": memory, "encoder_logits": head, "logits": logits}  # fmt: skip


def searches(model, double):
    lengths = 1 + hashes("lengths", SOURCES) % np.uint64(LONGEST)
    sources = [tokens(f"source {i}", int(n), SOURCE_TOKENS) for i, n in enumerate(lengths)]
    result = {"sources": padded(sources, LONGEST, -1)}
    for name, search in (("greedy", greedy), ("beam", beam_search)):
        found = [search(model, model.encode(torch.tensor([source]))) for source in sources]
        exact = [search(double, double.encode(torch.tensor([source]))) for source in sources]
        differ = [i for i in range(SOURCES) if found[i][0] != exact[i][0]]
        assert not differ, f"{name}: f64 finds something else for {differ}"
        result[f"{name}_ids"] = padded([ids for ids, _ in found], NEW_TOKENS, -1)
        result[f"{name}_scores"] = np.array([score for _, score in found], np.float32)
        print(f"{name}: lengths {sorted(len(ids) for ids, _ in found)}")
    return result


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "torch_transformer")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, activation, norm_first in (("post_norm_relu", "relu", False), ("pre_norm_gelu", "gelu", True)):
        model = Model(activation, norm_first).eval()
        double = Model(activation, norm_first).double().eval()
        save_file(teacher_forcing(model) | searches(model, double), arguments.output / f"{name}.safetensors")


if __name__ == "__main__":
    main()
