#!/usr/bin/env python3
"""Checks that decoder-only models compute what Transformers computes.

    python check_decoders.py PROGRAM [--only TEXT] [--full]

Saves small models with random weights of every kind, at odd sizes, and compares

    logits     of `lanewise run` with those of the model in double precision: within 2e-5 of the largest
    sequences  of `lanewise generate --input-ids`, 64 greedy tokens behind prompts of several lengths: equal

Configs are written as Transformers 5 writes them, and again in the spelling of version 4. With --full, models have the
sizes of GPT-2, SmolLM2-135M, Qwen3-0.6B and Gemma-3-270M. Prints one line for each, and fails if any is wrong.
"""

import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModel

TOLERANCE = 2e-5
NEW_TOKENS = 64
LENGTHS = [1, 7, 30, 50]

LLAMA = dict(vocab_size=101, hidden_size=120, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6,
             num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=None, pad_token_id=0)
GPT2 = dict(vocab_size=101, n_embd=120, n_layer=3, n_head=6, n_positions=128, bos_token_id=1, eos_token_id=None,
            pad_token_id=0)
NEOX = dict(vocab_size=101, hidden_size=120, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6,
            max_position_embeddings=128, bos_token_id=1, eos_token_id=None, pad_token_id=0)
GEMMA = LLAMA | dict(head_dim=20, query_pre_attn_scalar=24, sliding_window=8, num_hidden_layers=4)

EXPERTS = LLAMA | dict(num_experts_per_tok=2, num_local_experts=5)

LINEAR = {"rope_type": "linear", "factor": 2.0}
DYNAMIC = {"rope_type": "dynamic", "factor": 2.0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64, "rope_theta": 500.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0 + i / 10 for i in range(10)],
            "long_factor": [2.0 + i / 10 for i in range(10)]}

# name, model_type, fields
MODELS = [
    ("llama", "llama", LLAMA),
    ("llama tied, theta", "llama", LLAMA | dict(tie_word_embeddings=True, rope_theta=50000.0)),
    ("llama biases", "llama", LLAMA | dict(attention_bias=True, mlp_bias=True)),
    ("llama head_dim", "llama", LLAMA | dict(head_dim=26, num_key_value_heads=6)),
    ("llama one kv head", "llama", LLAMA | dict(num_key_value_heads=1, hidden_act="gelu")),
    ("llama linear", "llama", LLAMA | dict(rope_parameters=LINEAR)),
    ("llama dynamic", "llama", LLAMA | dict(rope_parameters=DYNAMIC)),
    ("llama llama3", "llama", LLAMA | dict(rope_parameters=LLAMA3)),
    ("llama yarn", "llama", LLAMA | dict(rope_parameters=YARN)),
    ("llama yarn mscale", "llama", LLAMA | dict(rope_parameters=YARN | dict(mscale=1.0, mscale_all_dim=0.7,
                                                                          beta_fast=16.0, truncate=False))),
    ("llama longrope", "llama", LLAMA | dict(rope_parameters=LONGROPE | dict(original_max_position_embeddings=128))),
    ("llama longrope, long", "llama", LLAMA | dict(rope_parameters=LONGROPE | dict(
        original_max_position_embeddings=76))),
    ("mistral window", "mistral", LLAMA | dict(sliding_window=8)),
    ("ministral", "ministral", LLAMA | dict(head_dim=20, sliding_window=8, layer_types=[
        "full_attention", "sliding_attention", "full_attention"])),
    ("mistral no window", "mistral", LLAMA | dict(sliding_window=None)),
    ("qwen2", "qwen2", LLAMA),
    ("qwen2 tied, windows", "qwen2", LLAMA | dict(tie_word_embeddings=True, use_sliding_window=True, sliding_window=8,
                                                  max_window_layers=1)),
    ("qwen2 layer types", "qwen2", LLAMA | dict(use_sliding_window=True, sliding_window=8, layer_types=[
        "sliding_attention", "full_attention", "sliding_attention"])),
    ("qwen3", "qwen3", LLAMA | dict(head_dim=24)),
    ("qwen3 biases, tied", "qwen3", LLAMA | dict(head_dim=20, attention_bias=True, tie_word_embeddings=True)),
    ("smollm3", "smollm3", LLAMA | dict(num_hidden_layers=5)),
    ("smollm3 windows", "smollm3", LLAMA | dict(use_sliding_window=True, sliding_window=8, no_rope_layers=[1, 0, 1],
                                                tie_word_embeddings=False)),
    ("phi3", "phi3", LLAMA),
    ("phi3 window, longrope", "phi3", LLAMA | dict(sliding_window=8, rope_parameters=LONGROPE,
                                                   original_max_position_embeddings=128)),
    ("phi3 longrope, long", "phi3", LLAMA | dict(rope_parameters=LONGROPE, original_max_position_embeddings=76)),
    ("phi3 longrope, scaled", "phi3", LLAMA | dict(rope_parameters=LONGROPE | dict(attention_factor=1.25),
                                                   original_max_position_embeddings=20)),
    ("phi3 partial", "phi3", LLAMA | dict(rope_parameters={"rope_type": "default", "rope_theta": 10000.0,
                                                           "partial_rotary_factor": 0.8})),
    ("olmo2", "olmo2", LLAMA),
    ("olmo2 tied", "olmo2", LLAMA | dict(tie_word_embeddings=True, attention_bias=True)),
    ("mixtral", "mixtral", EXPERTS | dict(intermediate_size=43)),
    ("mixtral whole panels", "mixtral", EXPERTS | dict(hidden_size=96, intermediate_size=48)),
    ("mixtral window", "mixtral", EXPERTS | dict(intermediate_size=80, sliding_window=8, num_experts_per_tok=1)),
    ("qwen3_moe", "qwen3_moe", EXPERTS | dict(head_dim=24, moe_intermediate_size=50, norm_topk_prob=True)),
    ("qwen3_moe dense layers", "qwen3_moe", EXPERTS | dict(head_dim=20, moe_intermediate_size=9, num_hidden_layers=5,
                                                          mlp_only_layers=[1], decoder_sparse_step=2)),
    ("qwen3_moe windows, all experts", "qwen3_moe", EXPERTS | dict(head_dim=24, moe_intermediate_size=32,
                                                                  use_sliding_window=True, sliding_window=8,
                                                                  num_experts_per_tok=5)),
    ("gemma2", "gemma2", GEMMA),
    ("gemma2 no caps", "gemma2", GEMMA | dict(attn_logit_softcapping=None, final_logit_softcapping=None)),
    ("gemma2 small caps", "gemma2", GEMMA | dict(attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    ("gemma3", "gemma3_text", GEMMA),
    ("gemma3 pattern", "gemma3_text", GEMMA | dict(layer_types=["sliding_attention", "full_attention"] * 2)),
    ("gemma3 scaled", "gemma3_text", GEMMA | dict(rope_parameters={
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}},
        layer_types=["sliding_attention", "full_attention"] * 2)),
    ("gpt2", "gpt2", GPT2),
    ("gpt2 untied, inner", "gpt2", GPT2 | dict(tie_word_embeddings=False, n_inner=88)),
    ("gpt2 inverse layer", "gpt2", GPT2 | dict(scale_attn_by_inverse_layer_idx=True, scale_attn_weights=False,
                                               activation_function="relu")),
    ("gpt_neox", "gpt_neox", NEOX | dict(rope_parameters={"rope_type": "default", "rope_theta": 10000.0,
                                                          "partial_rotary_factor": 0.3})),
    ("gpt_neox serial", "gpt_neox", NEOX | dict(use_parallel_residual=False, attention_bias=False, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0})),
    ("phi", "phi", LLAMA),
    ("phi tied, theta", "phi", NEOX | dict(tie_word_embeddings=True, hidden_act="gelu", rope_parameters={
        "rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.4})),
]

FULL = [
    ("GPT-2", "gpt2", dict()),
    ("SmolLM2-135M", "llama", dict(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                                   num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                                   tie_word_embeddings=True, rope_theta=100000.0)),
    ("Qwen3-0.6B", "qwen3", dict(vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
                                 num_attention_heads=16, num_key_value_heads=8, head_dim=128,
                                 max_position_embeddings=40960, tie_word_embeddings=True, rope_theta=1000000.0)),
    ("Gemma-3-270M", "gemma3_text", dict(vocab_size=262144, hidden_size=640, intermediate_size=2048,
                                         num_hidden_layers=18, num_attention_heads=4, num_key_value_heads=1,
                                         head_dim=256, query_pre_attn_scalar=256, sliding_window=512,
                                         max_position_embeddings=32768)),
]


class Checker:
    def __init__(self, program, root):
        self.program, self.root, self.wrong = program, pathlib.Path(root), 0

    def say(self, ok, name, text=""):
        self.wrong += not ok
        print("ok   " if ok else "WRONG", name, text, flush=True)

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout


def make_model(model_type, fields):
    torch.manual_seed(len(str(fields)))
    config = AutoConfig.for_model(model_type, **json.loads(json.dumps(fields)))
    config._experts_implementation = "eager"  # the others do not compute in f64
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # As made, norms are 1 and biases 0, and attention hardly looks at anything.
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            else:
                parameter.mul_(3)
    return model


def older_spelling(folder):
    """config.json as Transformers 4 wrote it; false if it is the same."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    parameters = config.pop("rope_parameters", None)
    if parameters is None:
        return False
    if "full_attention" in parameters:
        local = parameters["sliding_attention"]
        config["rope_local_base_freq"] = local["rope_theta"]
        parameters = parameters["full_attention"]
        types = config.pop("layer_types")
        config.pop("_sliding_window_pattern", None)
        config["sliding_window_pattern"] = 6 if "full_attention" not in types else types.index("full_attention") + 1
    names = {"gpt_neox": ("rotary_emb_base", "rotary_pct")}
    theta, partial = names.get(config["model_type"], ("rope_theta", "partial_rotary_factor"))
    config[theta] = parameters.pop("rope_theta")
    if "partial_rotary_factor" in parameters:
        config[partial] = parameters.pop("partial_rotary_factor")
    kind = parameters.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else parameters | {"type": kind}
    path.write_text(json.dumps(config))
    return True


def with_one_list(model, which):
    """The model with the same factors of longrope for all lengths; itself if it has another kind of positions.

    Transformers changes the factors when a text outgrows the trained length; lanewise chooses them once, for the
    length that the text may reach.
    """
    parameters = getattr(model.config, "rope_parameters", None) or {}
    if parameters.get("rope_type") != "longrope":
        return model
    config = copy.deepcopy(model.config)
    for name in ("short_factor", "long_factor"):
        config.rope_parameters[name] = parameters[which]
    other = type(model)(config).eval().double()
    other.load_state_dict(model.state_dict())
    return other


def batch(vocabulary, lengths):
    torch.manual_seed(1)
    ids = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, -length:] = torch.randint(2, vocabulary, (length,))
        mask[row, -length:] = 1
    return ids, mask


def check_logits(checker, name, folder, model, ids, mask):
    save_file({"input_ids": ids, "attention_mask": mask}, checker.root / "in.safetensors")
    out = checker.root / "out.safetensors"
    checker.run("run", folder, "--inputs", checker.root / "in.safetensors", "--outputs", out)
    found = load_file(out)["logits"]
    error = largest = 0.0
    for row, length in enumerate(mask.sum(1).tolist()):
        with torch.no_grad():
            expected = model(ids[row:row + 1, -length:]).logits[0]
        largest = max(largest, expected.abs().max().item())
        error = max(error, (found[row, -length:] - expected).abs().max().item())
    checker.say(error <= TOLERANCE * largest, name, f"logits {error / largest:.1e}")


def check_sequences(checker, name, folder, model, ids, mask, new_tokens=NEW_TOKENS):
    save_file({"input_ids": ids, "attention_mask": mask}, checker.root / "in.safetensors")
    printed = checker.run("generate", folder, "--input-ids", checker.root / "in.safetensors", "--max-new-tokens",
                          new_tokens, "--json")
    found = [json.loads(line)["ids"] for line in printed.splitlines()]
    by_length = {which: with_one_list(model, which) for which in ("short_factor", "long_factor")}
    trained = getattr(model.config, "original_max_position_embeddings", None) or (
        getattr(model.config, "rope_parameters", None) or {}).get(
        "original_max_position_embeddings", sys.maxsize)
    same = 0
    for row, length in enumerate(mask.sum(1).tolist()):
        prompt = ids[row:row + 1, -length:]
        reference = by_length["long_factor" if length + new_tokens > trained else "short_factor"]
        with torch.no_grad():
            expected = reference.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
                                      max_new_tokens=new_tokens)[0, length:].tolist()
        same += found[row] == expected
    checker.say(same == len(found), name, f"sequences {same} of {len(found)}")


def check(checker, name, model_type, fields, full):
    folder = checker.root / name.replace(" ", "-").replace(",", "")
    model = make_model(model_type, fields)
    model.save_pretrained(folder)
    model = model.double()
    ids, mask = batch(model.config.vocab_size, [5, 40] if full else LENGTHS)
    for spelling in ["", " (older spelling)"]:
        if spelling and (full or not older_spelling(folder)):
            break
        try:
            check_logits(checker, name + spelling, folder, model, ids, mask)
            check_sequences(checker, name + spelling, folder, model, ids, mask)
        except (RuntimeError, KeyError) as error:
            checker.say(False, name + spelling, str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--only", default="", help="models whose names contain this")
    parser.add_argument("--full", action="store_true", help="models of published sizes")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as root:
        checker = Checker(pathlib.Path(arguments.program).resolve(), root)
        for name, model_type, fields in FULL if arguments.full else MODELS:
            if arguments.only in name:
                check(checker, name, model_type, fields, arguments.full)
        print("wrong:", checker.wrong)
    return checker.wrong > 0


if __name__ == "__main__":
    sys.exit(main())
