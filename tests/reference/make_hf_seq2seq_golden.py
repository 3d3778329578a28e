#!/usr/bin/env python3
"""Writes tests/data/hf_seq2seq/: Transformers' encoder-decoders at odd sizes.

    python make_hf_seq2seq_golden.py [--output FOLDER] [VARIANT...]

`models.json` has what a checkpoint folder would: config.json, generation_config.json where there is one, names and shapes of
the tensors. The weights are a function of their names (see `weight`), which tests/converters/hf_checkpoint.cpp
computes to the same bits. VARIANT.safetensors has what comes out: logits, and what `generate()` finds greedily and with 4
beams, in f32 and alike in f64, so that no choice in it hangs on a rounding.
"""

import argparse
import json
import math
import pathlib

import numpy as np
import torch
import transformers
from make_torch_transformer_golden import hashes, padded
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
SOURCES, CANDIDATES, LONGEST, NEW_TOKENS, BEAMS = 64, 160, 24, 20, 4
TEACHER_SOURCES, TEACHER_TARGETS = (13, 1, 8, 5), (9, 6, 1, 7)
FIRST_TOKEN = 6  # smaller ids are special in some variant
EOS_BIAS = 0.75  # so that hypotheses end at different lengths

STACKS = {"d_model": 54, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 3,
          "decoder_attention_heads": 6, "encoder_ffn_dim": 83, "decoder_ffn_dim": 71,
          "max_position_embeddings": 40}  # fmt: skip
T5_STACKS = {"d_model": 52, "d_kv": 11, "d_ff": 83, "num_heads": 5, "num_layers": 3, "num_decoder_layers": 2,
             "relative_attention_num_buckets": 10, "relative_attention_max_distance": 17, "vocab_size": 61}  # fmt: skip

# config.json; the fields of Transformers' old config files that a family must agree with; generation_config.json.
VARIANTS = {
    "marian": (
        {"model_type": "marian", "vocab_size": 61, "activation_function": "swish", "scale_embedding": True,
         "static_position_embeddings": True, "normalize_before": False, "pad_token_id": 60, "eos_token_id": 0,
         "decoder_start_token_id": 60, **STACKS},
        {"bad_words_ids": [[60]], "num_beams": 6, "forced_eos_token_id": 0, "pad_token_id": 60, "eos_token_id": 0,
         "decoder_start_token_id": 60, "max_length": 512}),
    "marian_split": (
        {"model_type": "marian", "vocab_size": 59, "decoder_vocab_size": 63, "share_encoder_decoder_embeddings": False,
         "activation_function": "relu", "scale_embedding": False, "pad_token_id": 1, "eos_token_id": 0,
         "bad_words_ids": [[1]], "decoder_start_token_id": 1, "forced_eos_token_id": 0, **STACKS},
        None),
    "bart": (
        {"model_type": "bart", "vocab_size": 61, "activation_function": "gelu", "force_bos_token_to_be_generated": True,
         "no_repeat_ngram_size": 3, "min_length": 4, "length_penalty": 2.0, "early_stopping": True,
         "normalize_embedding": True, "extra_pos_embeddings": 2, "bos_token_id": 0, "pad_token_id": 1,
         "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": 2, **STACKS},
        None),
    "mbart": (
        {"model_type": "mbart", "vocab_size": 61, "activation_function": "gelu", "scale_embedding": True,
         "normalize_before": True, "add_final_layer_norm": True, "pad_token_id": 1, "eos_token_id": 2, **STACKS},
        {"forced_bos_token_id": 5, "decoder_start_token_id": 2, "forced_eos_token_id": 2, "eos_token_id": 2,
         "bos_token_id": 0, "pad_token_id": 1}),
    "m2m_100": (
        {"model_type": "m2m_100", "vocab_size": 61, "activation_function": "relu", "scale_embedding": True,
         "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, **STACKS},
        {"forced_bos_token_id": 4, "decoder_start_token_id": 2, "eos_token_id": 2, "bos_token_id": 0,
         "pad_token_id": 1, "early_stopping": True, "suppress_tokens": [1]}),
    "pegasus": (
        {"model_type": "pegasus", "vocab_size": 61, "activation_function": "quick_gelu", "scale_embedding": True,
         "normalize_before": True, "normalize_embedding": False, "add_final_layer_norm": True, "static_position_embeddings": True,
         "extra_pos_embeddings": 1, "pad_token_id": 0, "eos_token_id": 1, **STACKS},
        {"decoder_start_token_id": 0, "eos_token_id": 1, "forced_eos_token_id": 1, "pad_token_id": 0, "length_penalty": 0.8,
         "num_beams": 8, "max_length": 64}),
    "t5": (
        {"model_type": "t5", "feed_forward_proj": "relu", "pad_token_id": 0, "eos_token_id": 1,
         "decoder_start_token_id": 0, **T5_STACKS},
        None),
    "t5_gated": (
        {"model_type": "t5", "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "pad_token_id": 0,
         "eos_token_id": 1, "decoder_start_token_id": 0, **T5_STACKS},
        {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}),
}  # fmt: skip


def weight(name, shape, eos):
    """Uniform numbers of 24 bits in [-1, 1), times a power of two; norms around 1."""
    whole = (hashes(name, math.prod(shape)) >> np.uint64(8)).astype(np.int64) - 2**23
    x = whole.astype(np.float32) * np.float32(2**-23)
    if any(part in name for part in ("norm", "Norm", "ln_", "_ln")) and name.endswith("weight"):
        x = np.float32(1) + x * np.float32(0.25)
    elif "relative_attention_bias" in name:
        x = x * np.float32(2)
    elif name == "model.shared.weight":
        x = x * np.float32(0.125)
    elif "shared" in name or "embed" in name or "lm_head" in name or ".wte." in name or ".wpe." in name:
        x = x * np.float32(0.5)
    elif len(shape) == 1:
        x = x * np.float32(0.0625)
    elif "encoder_attn" in name:
        x = x * np.float32(0.75)  # so that outputs are about their sources
    else:
        x = x * np.float32(0.375 if name.startswith("model.") else 0.25)
    if name == "final_logits_bias":
        x[eos] = EOS_BIAS
    return x.reshape(shape)


def tensors_of(model, config):
    """Names and shapes of what a checkpoint has: a sinusoidal table only where two vocabularies are the oddity."""
    named = {**dict(model.named_parameters()), **{k: v for k, v in model.named_buffers() if k == "final_logits_bias"}}
    made = config["model_type"] in ("marian", "pegasus") and "decoder_vocab_size" not in config
    return {k: v for k, v in named.items() if not (made and "embed_positions" in k)}


def make_model(config, generation):
    fields = {key: value for key, value in config.items() if key != "model_type"}
    settings = transformers.AutoConfig.for_model(config["model_type"], **fields)
    model = transformers.AutoModelForSeq2SeqLM.from_config(settings, attn_implementation="eager").eval()
    if config.get("tie_word_embeddings") is False:
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    for name, value in tensors_of(model, config).items():
        value.data.copy_(torch.from_numpy(weight(name, tuple(value.shape), config["eos_token_id"])))
    if generation is None:
        model.generation_config = transformers.GenerationConfig.from_model_config(dict(config))
    else:
        model.generation_config = transformers.GenerationConfig.from_dict(generation)
    return model


def tokens(name, count, vocabulary):
    return (FIRST_TOKEN + hashes(name, count) % np.uint64(vocabulary - FIRST_TOKEN - 2)).astype(np.int64).tolist()


def teacher_forcing(model, config):
    """Each row alone; zeros where the others are longer."""
    targets_of = config.get("decoder_vocab_size", config["vocab_size"])
    start = model.generation_config.decoder_start_token_id
    sources = [tokens(f"teacher source {i}", n, config["vocab_size"]) for i, n in enumerate(TEACHER_SOURCES)]
    targets = [[start] + tokens(f"teacher target {i}", n - 1, targets_of) for i, n in enumerate(TEACHER_TARGETS)]
    logits = np.zeros((len(sources), max(TEACHER_TARGETS), targets_of), np.float32)
    for i, (source, target) in enumerate(zip(sources, targets)):
        out = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target]))
        logits[i, : len(target)] = out.logits[0]
        if i == 0:
            memory = out.encoder_last_hidden_state[0].numpy()
    return {"input_ids": padded(sources, max(TEACHER_SOURCES), 0),
            "attention_mask": padded([[1] * len(row) for row in sources], max(TEACHER_SOURCES), 0),
            "decoder_input_ids": padded(targets, max(TEACHER_TARGETS), 0),
            "decoder_attention_mask": padded([[1] * len(row) for row in targets], max(TEACHER_TARGETS), 0),
            "first_encoder_last_hidden_state": memory, "logits": logits}  # fmt: skip


def search(model, source, beams):
    """(ids without the end token, score of a beam)."""
    out = model.generate(torch.tensor([source]), num_beams=beams, do_sample=False, max_new_tokens=NEW_TOKENS,
                         return_dict_in_generate=True, output_scores=True)  # fmt: skip
    ids = out.sequences[0, 1:].tolist()
    eos = model.generation_config.eos_token_id
    return ids[: ids.index(eos)] if eos in ids else ids, float(out.sequences_scores[0]) if beams > 1 else 0.0


def searches(model, double, config):
    """The first sources for which f32 and f64 agree."""
    kept = []
    for i, n in enumerate(1 + hashes("lengths", CANDIDATES) % np.uint64(LONGEST)):
        source = tokens(f"source {i}", int(n), config["vocab_size"])
        found = [search(model, source, beams) for beams in (1, BEAMS)]
        exact = [search(double, source, beams) for beams in (1, BEAMS)]
        if [ids for ids, _ in found] == [ids for ids, _ in exact]:
            kept.append((source, found))
        if len(kept) == SOURCES:
            break
    assert len(kept) == SOURCES, f"f32 and f64 agree about {len(kept)} sources only"
    for kind in (0, 1):
        ids = [tuple(found[kind][0]) for _, found in kept]
        print(f"  lengths {sorted(map(len, ids))}, {len(set(ids))} different")
    return {"sources": padded([source for source, _ in kept], LONGEST, -1),
            "greedy_ids": padded([found[0][0] for _, found in kept], NEW_TOKENS, -1),
            "beam_ids": padded([found[1][0] for _, found in kept], NEW_TOKENS, -1),
            "beam_scores": np.array([found[1][1] for _, found in kept], np.float32)}  # fmt: skip


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "hf_seq2seq")
    parser.add_argument("variants", nargs="*", default=list(VARIANTS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    arguments.output.mkdir(parents=True, exist_ok=True)
    models = {}
    for name, (config, generation) in VARIANTS.items():
        model = make_model(config, generation)
        shapes = {key: list(value.shape) for key, value in tensors_of(model, config).items()}
        models[name] = {"config": config, "generation_config": generation, "tensors": shapes}
        if name in arguments.variants:
            print(name)
            golden = teacher_forcing(model, config) | searches(model, make_model(config, generation).double(), config)
            save_file(golden, arguments.output / f"{name}.safetensors")
    lines = (f" {json.dumps(name)}: {json.dumps(model)}" for name, model in models.items())
    (arguments.output / "models.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
