#!/usr/bin/env python3
"""Checks that `lanewise convert` makes the same model from every form in which PyTorch and numpy store it.

    python check_formats.py PROGRAM

A small BERT is saved as safetensors, by torch.save() in both forms, with each protocol, in shards, as a training
checkpoint, compressed, and as .npz; as f32, f64, and, where that is exact, f16 and bf16. Prints one line for each.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

CONFIG = BertConfig(vocab_size=300, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
                    max_position_embeddings=40)


def tensors_of(path):
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def converted(program, folder, source):
    out = folder / "out.lw"
    subprocess.run([program, "convert", source, "-o", out, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return tensors_of(out)


def rezip(path):
    with zipfile.ZipFile(path) as source:
        files = [(name, source.read(name)) for name in source.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files:
            out.writestr(name, data)


def save_shards(state, folder):
    names = list(state)
    weight_map = {}
    for i in range(3):
        shard = f"pytorch_model-{i}.bin"
        torch.save({name: state[name] for name in names[i::3]}, folder / shard)
        weight_map.update({name: shard for name in names[i::3]})
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))


def save_checkpoint(state, path, model):
    optimizer = torch.optim.AdamW(model.parameters())
    torch.save({"epoch": 1, "state_dict": state, "optimizer": optimizer.state_dict()}, path)


def save_compressed(state, path):
    torch.save(state, path)
    rezip(path)


def forms(model):
    """The forms by name, each with the function that saves a state dict in a folder."""
    yield "torch zip", lambda s, f: torch.save(s, f / "pytorch_model.bin")
    yield "torch legacy", lambda s, f: torch.save(s, f / "m.pth", _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        yield (f"torch zip, protocol {protocol}",
               lambda s, f, p=protocol: torch.save(s, f / "m.pt", pickle_protocol=p))
        yield (f"torch legacy, protocol {protocol}",
               lambda s, f, p=protocol: torch.save(s, f / "m.pt", pickle_protocol=p,
                                                   _use_new_zipfile_serialization=False))
    yield "torch zip, compressed", lambda s, f: save_compressed(s, f / "m.pt")
    yield "torch shards", save_shards
    yield "training checkpoint", lambda s, f: save_checkpoint(s, f / "m.pt", model)
    yield "transposed in memory", lambda s, f: torch.save(
        {n: t.t().contiguous().t() if t.ndim == 2 else t for n, t in s.items()}, f / "m.pt")
    yield "npz", lambda s, f: numpy.savez(f / "m.npz", **{n: t.numpy() for n, t in s.items()})
    yield "npz, compressed", lambda s, f: numpy.savez_compressed(f / "m.npz", **{n: t.numpy() for n, t in s.items()})
    yield "npz, Fortran order, big-endian", lambda s, f: numpy.savez(
        f / "m.npz", **{n: numpy.asfortranarray(t.numpy().astype(t.numpy().dtype.newbyteorder(">")))
                        for n, t in s.items()})


def check(program, model, dtype, root):
    state = {name: tensor.to(dtype) for name, tensor in model.state_dict().items()}
    folder = root / "safetensors"
    folder.mkdir()
    model.config.save_pretrained(folder)
    save_file(state, folder / "model.safetensors")
    expected = converted(program, root, folder)
    shutil.rmtree(folder)
    wrong = 0
    for name, save in forms(model):
        if dtype == torch.bfloat16 and name.startswith("npz"):
            continue  # numpy lacks it
        folder = root / "form"
        folder.mkdir()
        model.config.save_pretrained(folder)
        save(state, folder)
        found = converted(program, root, folder)
        same = found.keys() == expected.keys() and all((found[n] == expected[n]).all() for n in expected)
        print(f"{str(dtype)[6:]:9} {name}: {'the same' if same else 'DIFFERENT'}")
        wrong += not same
        shutil.rmtree(folder)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    program = parser.parse_args().program
    torch.manual_seed(0)
    model = BertModel(CONFIG, add_pooling_layer=False)
    wrong = 0
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        with tempfile.TemporaryDirectory() as root:
            wrong += check(program, model, dtype, pathlib.Path(root))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
