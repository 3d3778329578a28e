#!/usr/bin/env python3
"""Checks encoder-decoders at the sizes people use against Transformers: logits and the sequences of generate().

    python check_full_size.py PROGRAM [MODEL...]

MODEL: marian-base, bart-base, t5-small; all by default. Each has the shape of the published model of that name with the weights
of `weight` in make_hf_seq2seq_golden.py, which are sharper than Transformers' own initial ones, so that sequences depend on
their sources. Saved by save_pretrained(), and read from that folder by `PROGRAM run` and `PROGRAM generate --input-ids`.
Sequences are compared for the first 64 sources about which Transformers' f32 and f64 agree. Half an hour on two cores.
Exit status 1 if the logits differ by more than 2e-5 of their largest magnitude, or if any sequence differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from make_hf_seq2seq_golden import weight
from make_torch_transformer_golden import hashes, padded
from safetensors.numpy import load_file, save_file

SOURCES, LONGEST, NEW_TOKENS, BEAMS, BATCH = 64, 40, 24, 4, 16
TEACHER_SOURCES, TEACHER_TARGETS = (61, 1, 40, 17), (23, 40, 1, 8)
TOLERANCE, SCORE_TOLERANCE = 2e-5, 1e-4
FIRST_TOKEN = 300

CONFIGS = {
    "marian-base": transformers.MarianConfig(
        vocab_size=58101, d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8, decoder_attention_heads=8,
        encoder_ffn_dim=2048, decoder_ffn_dim=2048, max_position_embeddings=512, activation_function="swish",
        scale_embedding=True, pad_token_id=58100, eos_token_id=0, decoder_start_token_id=58100, forced_eos_token_id=0),
    "bart-base": transformers.BartConfig(
        vocab_size=50265, d_model=768, encoder_layers=6, decoder_layers=6, encoder_attention_heads=12, decoder_attention_heads=12,
        encoder_ffn_dim=3072, decoder_ffn_dim=3072, max_position_embeddings=1024, activation_function="gelu"),
    "t5-small": transformers.T5Config(
        vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_decoder_layers=6, num_heads=8,
        decoder_start_token_id=0),
}  # fmt: skip


def scale_of(name, shape, config):
    """Scales outputs to those of the small models, whose matrices have about 54 columns and heads of 11."""
    if len(shape) != 2 or "embed" in name or "shared" in name or "attention_bias" in name:
        return 1.0
    # T5 does not divide its scores by the root of the head size; it has small queries instead.
    unscaled = config.model_type == "t5" and name.endswith("Attention.q.weight")
    return (54 / shape[1]) ** 0.5 * ((11 / config.d_kv) ** 0.5 if unscaled else 1.0)


def make_model(name):
    config = CONFIGS[name]
    model = transformers.AutoModelForSeq2SeqLM.from_config(config, attn_implementation="eager").eval()
    for key, value in model.named_parameters():
        if "embed_positions" in key and config.model_type == "marian":
            continue
        scale = scale_of(key, value.shape, config)
        value.data.copy_(torch.from_numpy(weight(key, tuple(value.shape), config.eos_token_id) * np.float32(scale)))
    return model


def tokens(name, count, vocabulary):
    return (FIRST_TOKEN + hashes(name, count) % np.uint64(vocabulary - FIRST_TOKEN - 100)).astype(np.int64).tolist()


def mask_of(rows):
    return [[1] * len(row) for row in rows]


def check_logits(program, folder, model):
    """Whether Transformers, row by row, and lanewise, with all rows as one ragged batch, agree."""
    vocabulary, start = model.config.vocab_size, model.generation_config.decoder_start_token_id
    sources = [tokens(f"teacher source {i}", n, vocabulary) for i, n in enumerate(TEACHER_SOURCES)]
    targets = [[start] + tokens(f"teacher target {i}", n - 1, vocabulary) for i, n in enumerate(TEACHER_TARGETS)]
    wide, deep = max(TEACHER_SOURCES), max(TEACHER_TARGETS)
    save_file({"input_ids": padded(sources, wide, 0), "attention_mask": padded(mask_of(sources), wide, 0),
               "decoder_input_ids": padded(targets, deep, 0),
               "decoder_attention_mask": padded(mask_of(targets), deep, 0)}, folder / "in.safetensors")  # fmt: skip
    subprocess.run([program, "run", folder, "--inputs", folder / "in.safetensors", "--outputs", folder / "out.safetensors",
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    found = load_file(folder / "out.safetensors")["logits"]
    magnitude = difference = 0.0
    for row, (source, target) in enumerate(zip(sources, targets)):
        logits = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target])).logits[0].numpy()
        magnitude = max(magnitude, float(np.abs(logits).max()))
        difference = max(difference, float(np.abs(logits - found[row, : len(target)]).max()))
    print(f"  logits: {difference / magnitude:.1e} of the largest, {magnitude:.1f}", flush=True)
    return difference <= TOLERANCE * magnitude


def generate(model, sources, beams):
    """(ids without the end token, score of a beam) of each source, padded as a batch."""
    wide, eos, found = max(map(len, sources)), model.generation_config.eos_token_id, []
    out = model.generate(torch.from_numpy(padded(sources, wide, model.config.pad_token_id)).long(), num_beams=beams,
                         attention_mask=torch.from_numpy(padded(mask_of(sources), wide, 0)).long(), do_sample=False,
                         max_new_tokens=NEW_TOKENS, return_dict_in_generate=True, output_scores=True)  # fmt: skip
    scores = out.sequences_scores.tolist() if beams > 1 else [0.0] * len(sources)
    for row, score in zip(out.sequences[:, 1:].tolist(), scores):
        found.append((row[: row.index(eos)] if eos in row else row, score))
    return found


def sources_with_answers(model, double, beams):
    """The first sources for which f32 and f64 agree, with the results."""
    kept, tried = [], 0
    while len(kept) < SOURCES:
        assert tried < 3 * SOURCES, "f32 and f64 agree about too few sources"
        lengths = 1 + hashes(f"lengths {tried}", BATCH) % np.uint64(LONGEST)
        sources = [tokens(f"source {tried + i}", int(n), model.config.vocab_size) for i, n in enumerate(lengths)]
        pairs = zip(sources, generate(model, sources, beams), generate(double, sources, beams))
        kept += [(source, found) for source, found, exact in pairs if found[0] == exact[0]]
        tried += BATCH
    return kept[:SOURCES], tried


def check_sequences(program, folder, model, double, beams):
    expected, tried = sources_with_answers(model, double, beams)
    sources = [source for source, _ in expected]
    save_file({"input_ids": padded(sources, LONGEST, 0), "attention_mask": padded(mask_of(sources), LONGEST, 0)},
              folder / "sources.safetensors")  # fmt: skip
    lines = subprocess.run([program, "generate", folder, "--input-ids", folder / "sources.safetensors", "--beams", str(beams),
                            "--max-new-tokens", str(NEW_TOKENS), "--json", "--quiet"], check=True, capture_output=True,
                           text=True).stdout.splitlines()  # fmt: skip
    found = [json.loads(line) for line in lines]
    equal = sum(line["ids"] == ids for line, (_, (ids, _)) in zip(found, expected, strict=True))
    off = max(abs(line["score"] - score) for line, (_, (_, score)) in zip(found, expected)) if beams > 1 else 0.0
    different = len({tuple(ids) for _, (ids, _) in expected})
    print(f"  beams {beams}: {equal} of {SOURCES} sequences equal, {different} different, scores within {off:.1e}; "
          f"{tried} sources tried", flush=True)  # fmt: skip
    return equal == SOURCES and off <= SCORE_TOLERANCE


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(CONFIGS))
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    good = True
    for name in arguments.models or CONFIGS:
        print(name, flush=True)
        model, double = make_model(name), make_model(name).double()
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            model.save_pretrained(folder)
            good &= check_logits(arguments.program.resolve(), folder, model)
            for beams in (1, BEAMS):
                good &= check_sequences(arguments.program.resolve(), folder, model, double, beams)
    sys.exit(not good)


if __name__ == "__main__":
    main()
