#!/usr/bin/env python3
"""Checks that models in GGUF files compute what Transformers computes.

    python check_gguf.py PROGRAM [--only TEXT] [--keep FOLDER]

Writes small models with random weights of every architecture, at odd sizes, and compares the logits of `lanewise run`
with those of the model in double precision, with the values that the file has: within 2e-5 of the largest. Matrices
are stored as f32, as f16, and in blocks. Prints one line for each, and fails if any is wrong.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from check_decoders import EXPERTS, GEMMA, GPT2, LINEAR, LLAMA, LLAMA3, LONGROPE, NEOX, YARN
from gguf_models import Type, write
from safetensors.torch import load_file, save_file

TOLERANCE = 2e-5
LENGTHS = [1, 7, 30, 50]
WIDE = dict(hidden_size=192, intermediate_size=96)  # blocks of 32 fit
HUGE = dict(hidden_size=768, intermediate_size=512, num_hidden_layers=1)  # and of 256
BERT = dict(vocab_size=101, hidden_size=120, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6,
            max_position_embeddings=64, type_vocab_size=2)
LOCAL = {"full_attention": LINEAR | {"rope_theta": 1e6}, "sliding_attention": {"rope_type": "default",
                                                                              "rope_theta": 10000.0}}

# name, model_type, fields, types of matrices
F32, F16 = [Type.F32], [Type.F16]
MODELS = [
    ("llama", "llama", LLAMA, F32),
    ("llama f16, tied", "llama", LLAMA | dict(tie_word_embeddings=True, rope_theta=50000.0), F16),
    ("llama biases", "llama", LLAMA | dict(attention_bias=True, mlp_bias=True), F32),
    ("llama head_dim", "llama", LLAMA | dict(head_dim=26, num_key_value_heads=6), F32),
    ("llama one kv head", "llama", LLAMA | dict(num_key_value_heads=1), F32),
    ("llama linear", "llama", LLAMA | dict(rope_parameters=LINEAR | {"rope_theta": 10000.0}), F32),
    ("llama llama3", "llama", LLAMA | dict(rope_parameters=LLAMA3), F32),
    ("llama yarn", "llama", LLAMA | dict(rope_parameters=YARN | {"rope_theta": 10000.0}), F32),
    ("llama blocks", "llama", LLAMA | WIDE, [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.BF16]),
    ("mistral", "mistral", LLAMA | dict(sliding_window=9), F32),
    ("smollm3", "smollm3", LLAMA | dict(num_hidden_layers=5), F32),
    ("qwen2", "qwen2", LLAMA, F32),
    ("qwen2 blocks", "qwen2", LLAMA | WIDE, [Type.Q8_0, Type.Q4_0]),
    ("qwen3", "qwen3", LLAMA | dict(head_dim=24), F32),
    ("qwen3 blocks", "qwen3", LLAMA | WIDE | dict(head_dim=24), [Type.Q8_0]),
    ("phi3", "phi3", LLAMA | dict(sliding_window=8), F32),
    ("phi3 partial", "phi3", LLAMA | dict(rope_parameters={"rope_type": "default", "rope_theta": 10000.0,
                                                          "partial_rotary_factor": 0.7}), F32),
    ("phi3 longrope", "phi3", LLAMA | dict(rope_parameters=LONGROPE | {"rope_theta": 10000.0},
                                           original_max_position_embeddings=128), F32),
    ("phi3 blocks", "phi3", LLAMA | WIDE, [Type.Q4_0]),
    ("olmo2", "olmo2", LLAMA, F32),
    ("mixtral", "mixtral", EXPERTS | dict(intermediate_size=43), F32),
    ("mixtral blocks", "mixtral", EXPERTS | WIDE | dict(num_local_experts=3), [Type.Q8_0, Type.Q4_0]),
    ("qwen3_moe", "qwen3_moe", EXPERTS | dict(head_dim=24, moe_intermediate_size=48, norm_topk_prob=True), F32),
    ("qwen3_moe blocks", "qwen3_moe", EXPERTS | WIDE | dict(head_dim=24, moe_intermediate_size=64, norm_topk_prob=True),
     [Type.Q4_1, Type.Q8_0, Type.F16]),
    ("gemma2", "gemma2", GEMMA | dict(query_pre_attn_scalar=20), F32),
    ("gemma2 blocks", "gemma2", GEMMA | WIDE | dict(query_pre_attn_scalar=20), [Type.Q8_0]),
    ("gemma3", "gemma3_text", GEMMA | dict(query_pre_attn_scalar=20, num_hidden_layers=7), F32),
    ("gemma3 linear", "gemma3_text", GEMMA | dict(query_pre_attn_scalar=20, num_hidden_layers=7,
                                                  rope_parameters=LOCAL), F32),
    ("gpt2", "gpt2", GPT2, F32),
    ("gpt2 untied, blocks", "gpt2", GPT2 | dict(n_embd=192, tie_word_embeddings=False), [Type.Q8_0]),
    ("gpt_neox", "gpt_neox", NEOX | dict(rotary_pct=0.3), F32),
    ("bert", "bert", BERT, F32),
    ("bert blocks", "bert", BERT | WIDE, [Type.Q8_0, Type.F16]),
    ("gpt_neox serial, blocks", "gpt_neox", NEOX | WIDE | dict(use_parallel_residual=False, rotary_pct=0.5),
     [Type.Q8_0]),
]  # fmt: skip


def random_model(model_type, fields):
    torch.manual_seed(len(str(fields)))
    config = transformers.AutoConfig.for_model(model_type, **fields)
    kind = transformers.AutoModel if model_type == "bert" else transformers.AutoModelForCausalLM
    config._experts_implementation = "eager"  # the others do not compute in f64
    model = kind.from_config(config, attn_implementation="eager").eval()
    for name, parameter in model.named_parameters():
        scale = 0.3 if parameter.ndim == 1 else 1.5 / parameter.shape[-1] ** 0.5
        parameter.data.normal_(0, scale)
        if "norm" in name.lower() and name.endswith("weight") and "gemma" not in model_type or "ln_" in name:
            parameter.data.add_(1)
    return model


def batch(vocabulary):
    longest = max(LENGTHS)
    ids = torch.randint(3, vocabulary, (len(LENGTHS), longest))
    mask = torch.tensor([[int(i < n) for i in range(longest)] for n in LENGTHS])
    return ids * mask, mask


def ours(program, path, folder, ids, mask):
    save_file({"input_ids": ids, "attention_mask": mask}, folder / "in.safetensors")
    # Blocks would be multiplied by quantised inputs.
    model = folder / "model.lw"
    subprocess.run([program, "convert", path, "-o", model, "--weights", "f32", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run([program, "run", model, "--inputs", folder / "in.safetensors", "--outputs",
                    folder / "out.safetensors", "--quiet"], check=True)  # fmt: skip
    return {name: value.double() for name, value in load_file(folder / "out.safetensors").items()}


def expected_of(model, ids):
    """By the names of lanewise's outputs; mean pooling and normalisation are what the file asks for."""
    out = model(input_ids=ids)
    if hasattr(out, "logits"):
        return {"logits": out.logits[0]}
    hidden = out.last_hidden_state[0]
    return {"last_hidden_state": hidden, "sentence_embedding": torch.nn.functional.normalize(hidden.mean(0), dim=0)}


@torch.no_grad()
def error_of(program, folder, model_type, fields, types):
    model = random_model(model_type, fields)
    path = folder / "model.gguf"
    write(model, path, types)
    ids, mask = batch(model.config.vocab_size)
    found = ours(program, path, folder, ids, mask)
    double = model.double()
    worst, largest = {}, {}
    for i, n in enumerate(LENGTHS):
        for name, expected in expected_of(double, ids[i : i + 1, :n]).items():
            own = found[name][i, :n] if expected.ndim == 2 else found[name][i]
            worst[name] = max(worst.get(name, 0), (own - expected).abs().max().item())
            largest[name] = max(largest.get(name, 0), expected.abs().max().item())
    assert set(worst) == set(found), f"{set(worst)} {set(found)}"
    return max(worst[name] / largest[name] for name in worst)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    wrong = 0
    for name, model_type, fields, types in MODELS:
        if arguments.only not in name:
            continue
        with tempfile.TemporaryDirectory() as made:
            folder = arguments.keep / name.replace(" ", "_") if arguments.keep else pathlib.Path(made)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                error = error_of(arguments.program, folder, model_type, fields, types)
            except subprocess.CalledProcessError:
                error = float("inf")
        wrong += not error <= TOLERANCE
        print(f"{name:30} {error:.1e} {'' if error <= TOLERANCE else 'WRONG'}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
