#!/usr/bin/env python3
"""Writes tests/data/minilm/attention.safetensors: MiniLM's attention weights in PyTorch.

    python make_attention_golden.py [--model DIR] [--output FILE]

README.md beside this file describes the tensors.
"""

import argparse
import pathlib
import subprocess

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoTokenizer, BertModel

HERE = pathlib.Path(__file__).resolve().parent
TEXTS = ["The cat sat on the mat because it was tired.", "비밀번호를 잊어버렸어요."]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="checkpoint folder; default: what tools/get-model prints")
    parser.add_argument("--output", type=pathlib.Path,
                        default=HERE.parent / "data" / "minilm" / "attention.safetensors")
    args = parser.parse_args()
    folder = args.model or subprocess.check_output(
        [HERE.parent.parent / "tools" / "get-model", "minilm"], text=True).strip()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    tensors = {}
    for i, text in enumerate(TEXTS):
        ids = tokenizer(text)["input_ids"]
        with torch.inference_mode():
            out = model(input_ids=torch.tensor([ids]), output_attentions=True)
        tensors[f"text{i}"] = np.frombuffer(text.encode(), np.uint8).copy()
        tensors[f"input_ids{i}"] = np.array(ids, np.int32)
        tensors[f"attention{i}"] = np.concatenate([a.numpy() for a in out.attentions])
        print(f"{len(ids)} tokens, weights {tensors[f'attention{i}'].shape}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, args.output)
    print(f"{args.output.name}: {args.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
