#!/usr/bin/env python3
"""Writes tests/data/rnn_seq2seq/golden.safetensors: encoders and decoders of torch.nn.GRU and LSTM.

    python make_rnn_seq2seq_golden.py [--output FILE]

The weights are make_torch_transformer_golden.py's of the same names, times SCALE; the test computes them again. Each
case of CASES has `<case>.input_ids`, `.attention_mask`, `.decoder_input_ids`, `.decoder_attention_mask` (one set of
rows for all: `input_ids`, ...), `<case>.logits` (teacher forcing), `<case>.encoder_last_hidden_state` and
`<case>.greedy_ids`, each row up to its first -1, without the end token. Every row is computed alone; what f32 finds
greedily, f64 finds too.
"""

import argparse
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from make_torch_transformer_golden import hashes, padded, tokens, weight

HERE = pathlib.Path(__file__).resolve().parent
SOURCE_TOKENS, TARGET_TOKENS, SOURCE_WIDTH, TARGET_WIDTH, UNITS, DEPTH, CONCAT = 23, 21, 18, 14, 19, 13, 17
PAD, BOS, EOS = 0, 1, 2
SCALE = 4.0
NEW_TOKENS, SOURCES, LONGEST = 12, 12, 14
TEACHER_SOURCES, TEACHER_TARGETS = (9, 1, 5), (6, 4, 1)

# name: cell, layers, bidirectional, merge, decoder_init, attention
CASES = {
    "gru": ("gru", 1, False, "concat", "last", None),
    "gru2": ("gru", 2, False, "concat", "last", "dot"),
    "gru_bi_concat": ("gru", 1, True, "concat", "concat_directions", "dot"),
    "gru2_bi_sum": ("gru", 2, True, "sum", "first_layers", "general"),
    "gru_bi_general": ("gru", 1, True, "concat", "first_layers", "general"),
    "lstm": ("lstm", 1, False, "concat", "last", None),
    "lstm2_bi_concat": ("lstm", 2, True, "concat", "concat_directions", "additive"),
    "lstm_bi_sum": ("lstm", 1, True, "sum", "first_layers", "dot"),
    "lstm2": ("lstm", 2, False, "concat", "last", "additive"),
}


class Encoder(nn.Module):
    def __init__(self, cell, layers, bidirectional):
        super().__init__()
        self.embedding = nn.Embedding(SOURCE_TOKENS, SOURCE_WIDTH)
        self.rnn = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](SOURCE_WIDTH, UNITS, layers, bidirectional=bidirectional,
                                                          batch_first=True)  # fmt: skip


class General(nn.Module):
    def __init__(self, units, memory):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(units, memory))

    def scores(self, h, e):
        return h @ self.weight @ e.transpose(1, 2)


class Additive(nn.Module):
    def __init__(self, units, memory):
        super().__init__()
        self.query = nn.Linear(units, DEPTH, bias=False)
        self.key = nn.Linear(memory, DEPTH, bias=False)
        self.value = nn.Linear(DEPTH, 1, bias=False)

    def scores(self, h, e):
        return self.value(torch.tanh(self.query(h)[:, :, None] + self.key(e)[:, None])).squeeze(-1)


class Decoder(nn.Module):
    def __init__(self, cell, layers, units, memory, attention):
        super().__init__()
        self.embedding = nn.Embedding(TARGET_TOKENS, TARGET_WIDTH)
        self.rnn = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](TARGET_WIDTH, units, layers, batch_first=True)
        if attention in ("general", "additive"):
            self.attention = {"general": General, "additive": Additive}[attention](units, memory)
        if attention:
            self.concat = nn.Linear(units + memory, CONCAT)
        self.out = nn.Linear(CONCAT if attention else units, TARGET_TOKENS)


class Model(nn.Module):
    def __init__(self, cell, layers, bidirectional, merge, init, attention):
        super().__init__()
        self.merge, self.init, self.attention, self.layers = merge, init, attention, layers
        units = 2 * UNITS if init == "concat_directions" else UNITS
        memory = 2 * UNITS if bidirectional and merge == "concat" else UNITS
        self.encoder = Encoder(cell, layers, bidirectional)
        self.decoder = Decoder(cell, layers, units, memory, attention)
        self.load_state_dict({name: torch.from_numpy(weight(name, tuple(value.shape)) * np.float32(SCALE))
                              for name, value in self.state_dict().items()})  # fmt: skip

    def initial(self, states):
        """[h_n's first axis, 1, UNITS] for the decoder."""
        if self.init == "concat_directions":
            return torch.cat([states[0::2], states[1::2]], dim=2)
        return states[: self.layers].contiguous()

    def encode(self, source):
        outputs, states = self.encoder.rnn(self.encoder.embedding(torch.tensor([source])))
        if self.merge == "sum":
            outputs = outputs[:, :, :UNITS] + outputs[:, :, UNITS:]
        if isinstance(states, tuple):
            return outputs, tuple(self.initial(part) for part in states)
        return outputs, self.initial(states)

    def decode(self, target, memory, states):
        h, states = self.decoder.rnn(self.decoder.embedding(torch.tensor([target])), states)
        if self.attention:
            scores = h @ memory.transpose(1, 2) if self.attention == "dot" else self.decoder.attention.scores(h, memory)
            context = torch.softmax(scores, dim=-1) @ memory
            h = torch.tanh(self.decoder.concat(torch.cat([h, context], dim=-1)))
        return self.decoder.out(h)[0], states


def greedy(model, source):
    memory, states = model.encode(source)
    row = [BOS]
    while len(row) <= NEW_TOKENS:
        logits, states = model.decode(row[-1:], memory, states)
        row.append(int(logits[0].argmax()))
        if row[-1] == EOS:
            break
    return [token for token in row[1:] if token != EOS]


def case(name, model, double, rows):
    logits = np.zeros((len(rows), max(TEACHER_TARGETS), TARGET_TOKENS), np.float32)
    hidden = None
    for i, (source, target) in enumerate(rows):
        memory, states = model.encode(source)
        if hidden is None:
            hidden = np.zeros((len(rows), max(TEACHER_SOURCES), memory.shape[2]), np.float32)
        hidden[i, : len(source)] = memory[0]
        logits[i, : len(target)] = model.decode(target, memory, states)[0]
    lengths = 1 + hashes("lengths", SOURCES) % np.uint64(LONGEST)
    sources = [tokens(f"source {i}", int(n), SOURCE_TOKENS) for i, n in enumerate(lengths)]
    found = [greedy(model, source) for source in sources]
    assert found == [greedy(double, source) for source in sources], name
    print(name, [len(ids) for ids in found], len({tuple(ids) for ids in found}), "different")
    return {f"{name}.logits": logits, f"{name}.encoder_last_hidden_state": hidden,
            f"{name}.greedy_ids": padded(found, NEW_TOKENS, -1), "sources": padded(sources, LONGEST, -1)}  # fmt: skip


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=HERE.parent / "data" / "rnn_seq2seq" / "golden.safetensors")  # fmt: skip
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [(tokens(f"teacher source {i}", n, SOURCE_TOKENS), [BOS] + tokens(f"teacher target {i}", m - 1, TARGET_TOKENS))
            for i, (n, m) in enumerate(zip(TEACHER_SOURCES, TEACHER_TARGETS))]  # fmt: skip
    result = {"input_ids": padded([s for s, _ in rows], max(TEACHER_SOURCES), PAD),
              "attention_mask": padded([[1] * len(s) for s, _ in rows], max(TEACHER_SOURCES), 0),
              "decoder_input_ids": padded([t for _, t in rows], max(TEACHER_TARGETS), PAD),
              "decoder_attention_mask": padded([[1] * len(t) for _, t in rows], max(TEACHER_TARGETS), 0)}  # fmt: skip
    for name, options in CASES.items():
        result |= case(name, Model(*options).eval(), Model(*options).double().eval(), rows)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(result, arguments.output)


if __name__ == "__main__":
    main()
