#!/usr/bin/env python3
"""Writes tests/data/hf_decoders/: Transformers' decoder-only models at odd sizes.

    python make_hf_decoder_golden.py [--output FOLDER] [VARIANT...]

As make_hf_seq2seq_golden.py: `models.json` has configs and the tensors' shapes, and the weights are a function of their
names. VARIANT.safetensors has the logits of some sequences, and what `generate()` finds greedily behind prompts about
which f32 and f64 agree.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
import transformers
from make_hf_seq2seq_golden import tokens, weight
from make_torch_transformer_golden import hashes, padded
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS, PROMPTS, CANDIDATES, LONGEST, NEW_TOKENS = (29, 1, 12), 12, 48, 20, 24

SIZES = {"vocab_size": 61, "hidden_size": 60, "intermediate_size": 44, "num_hidden_layers": 2, "num_attention_heads": 6,
         "num_key_value_heads": 2, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2,
         "pad_token_id": 0}  # fmt: skip
EXPERTS = {**SIZES, "hidden_size": 64, "num_attention_heads": 4, "num_experts_per_tok": 2}
GEMMA = {**SIZES, "num_hidden_layers": 3, "head_dim": 14, "query_pre_attn_scalar": 12, "sliding_window": 5}

VARIANTS = {
    "llama": {"model_type": "llama", "rope_theta": 500.0, "rope_scaling": {
        "type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}, **SIZES},
    "llama_biases": {"model_type": "llama", "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True,
                     "rope_parameters": {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0,
                                         "original_max_position_embeddings": 16}, **SIZES, "head_dim": 8},
    "mistral": {"model_type": "mistral", "sliding_window": 7, **SIZES},
    "qwen2": {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1, **SIZES},
    "qwen3": {"model_type": "qwen3", **SIZES, "head_dim": 12},
    "smollm3": {"model_type": "smollm3", "no_rope_layers": [1, 0], **SIZES},
    "phi3": {"model_type": "phi3", "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0],
                                                   "long_factor": [2.0, 2.0, 2.0, 2.0, 2.0]},
             "original_max_position_embeddings": 64, "sliding_window": 9, **SIZES},
    "olmo2": {"model_type": "olmo2", **SIZES},
    "mixtral": {"model_type": "mixtral", **EXPERTS, "intermediate_size": 48, "num_local_experts": 5},
    "mixtral_odd": {"model_type": "mixtral", **SIZES, "intermediate_size": 21, "num_experts_per_tok": 3,
                    "num_local_experts": 5},
    "qwen3_moe": {"model_type": "qwen3_moe", **EXPERTS, "num_hidden_layers": 3, "head_dim": 12, "num_experts": 6,
                  "moe_intermediate_size": 32, "mlp_only_layers": [1]},
    "gemma2": {"model_type": "gemma2", "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0, **GEMMA},
    "gemma3_text": {"model_type": "gemma3_text", "rope_local_base_freq": 100.0, "sliding_window_pattern": 2, **GEMMA},
    "gpt2": {"model_type": "gpt2", "vocab_size": 61, "n_embd": 54, "n_layer": 2, "n_head": 6, "n_positions": 64,
             "scale_attn_by_inverse_layer_idx": True, "bos_token_id": 1, "eos_token_id": 2},
    "gpt_neox": {"model_type": "gpt_neox", "rotary_pct": 0.6, "rotary_emb_base": 100,
                 **{k: v for k, v in SIZES.items() if k != "num_key_value_heads"}},
    "phi": {"model_type": "phi", "partial_rotary_factor": 0.6, **SIZES},
}  # fmt: skip


def in_file(config, name, value):
    """The tensors of a folder that a parameter has, by name: those of experts are one parameter only in memory."""
    if config["model_type"] == "mixtral":
        name = name.replace(".mlp.", ".block_sparse_moe.")
    of_mixtral = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
    parts = {"gate_up_proj": ["gate_proj", "up_proj"], "down_proj": ["down_proj"]}
    experts, _, parameter = name.rpartition(".")
    if not experts.endswith(".experts"):
        return {name: value}
    found = {}
    for i, expert in enumerate(value):
        for part, rows in zip(parts[parameter], expert.chunk(len(parts[parameter]))):
            part = of_mixtral[part] if config["model_type"] == "mixtral" else part
            found[f"{experts}.{i}.{part}.weight"] = rows
    return found


def make_model(config):
    fields = {key: value for key, value in json.loads(json.dumps(config)).items() if key != "model_type"}
    settings = transformers.AutoConfig.for_model(config["model_type"], **fields)
    settings._experts_implementation = "eager"  # the others do not compute in f64
    model = transformers.AutoModelForCausalLM.from_config(settings, attn_implementation="eager").eval()
    for name, value in model.named_parameters():
        for stored, part in in_file(config, name, value.data).items():
            part.copy_(torch.from_numpy(weight(stored, tuple(part.shape), config["eos_token_id"])))
    return model


def logits_of(model, config):
    rows = [tokens(f"sequence {i}", n, config["vocab_size"]) for i, n in enumerate(LENGTHS)]
    logits = np.zeros((len(rows), max(LENGTHS), config["vocab_size"]), np.float32)
    for i, row in enumerate(rows):
        logits[i, : len(row)] = model(input_ids=torch.tensor([row])).logits[0]
    return {"input_ids": padded(rows, max(LENGTHS), 0),
            "attention_mask": padded([[1] * len(row) for row in rows], max(LENGTHS), 0), "logits": logits}  # fmt: skip


def search(model, prompt):
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS)
    found = out[0, len(prompt):].tolist()
    eos = model.generation_config.eos_token_id
    return found[: found.index(eos)] if eos in found else found


def searches(model, double, config):
    kept = []
    for i, n in enumerate(1 + hashes("lengths", CANDIDATES) % np.uint64(LONGEST)):
        prompt = tokens(f"prompt {i}", int(n), config["vocab_size"])
        found = search(model, prompt)
        if found == search(double, prompt):
            kept.append((prompt, found))
        if len(kept) == PROMPTS:
            break
    assert len(kept) == PROMPTS, f"f32 and f64 agree about {len(kept)} prompts only"
    print(f"  lengths {sorted(len(found) for _, found in kept)}, {len({tuple(found) for _, found in kept})} different")
    return {"prompts": padded([prompt for prompt, _ in kept], LONGEST, -1),
            "greedy_ids": padded([found for _, found in kept], NEW_TOKENS, -1)}  # fmt: skip


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "hf_decoders")
    parser.add_argument("variants", nargs="*", default=list(VARIANTS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    arguments.output.mkdir(parents=True, exist_ok=True)
    models = {}
    for name, config in VARIANTS.items():
        model = make_model(config)
        shapes = {key: list(part.shape) for name, value in model.named_parameters()
                  for key, part in in_file(config, name, value).items()}
        models[name] = {"config": config, "generation_config": None, "tensors": shapes}
        if name in arguments.variants:
            print(name)
            golden = logits_of(model, config) | searches(model, make_model(config).double(), config)
            save_file(golden, arguments.output / f"{name}.safetensors")
    lines = (f" {json.dumps(name)}: {json.dumps(model)}" for name, model in models.items())
    (arguments.output / "models.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
