#!/usr/bin/env python3
"""Writes tests/data/formats/: the same small tensors as PyTorch and numpy store them.

    python make_formats_data.py [--output FOLDER]

What each file should read as stands in tests/converters/stored_files_test.cpp. Only values that follow from the
position of an element are used.
"""

import argparse
import pathlib
import zipfile
from collections import OrderedDict

import numpy
import torch

HERE = pathlib.Path(__file__).resolve().parent


def tensors():
    """Strides, shared and empty storages, and every type."""
    matrix = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8
    state = OrderedDict(
        matrix=matrix,
        tied=matrix,
        transposed=(torch.arange(6, dtype=torch.float32).reshape(2, 3) / 8).t(),
        slice=(torch.arange(10, dtype=torch.float32) / 4)[2:8:2],
        expanded=torch.tensor([1.5]).expand(2, 3),
        parameter=torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        f16=torch.tensor([1.5, -2.0], dtype=torch.float16),
        bf16=torch.tensor([0.5, 3.0], dtype=torch.bfloat16),
        f64=torch.tensor([1 / 3, -1e300], dtype=torch.float64),
        bool=torch.tensor([True, False]),
    )
    for kind in ("int64", "int32", "int16", "int8", "uint8"):
        state[kind] = torch.tensor([7, 100], dtype=getattr(torch, kind))
    return state


def save_torch(folder):
    state = tensors()
    torch.save(state, folder / "zip.pt")
    for protocol in (3, 4, 5):
        torch.save(state, folder / f"zip_protocol{protocol}.pt", pickle_protocol=protocol)
        torch.save(state, folder / f"legacy_protocol{protocol}.pt", pickle_protocol=protocol,
                   _use_new_zipfile_serialization=False)
    torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    torch.save(state, folder / "no_crc.pt")
    torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(folder / "zip.pt") as source:
        with zipfile.ZipFile(folder / "deflated.pt", "w", zipfile.ZIP_DEFLATED) as out:
            for name in source.namelist():
                out.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED)
    save_checkpoint(folder, state)
    torch.save(torch.nn.Linear(2, 2), folder / "module.pt")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "script.pt")


def save_checkpoint(folder, state):
    """What a training script saves; a module's own state_dict() has _metadata."""
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    weights = module.state_dict()
    weights.update(state)
    torch.save({"epoch": 3, "best": 0.25, "name": "run", "loss": numpy.float64(0.5), "history": [1.0, (2, None)],
                "device": torch.device("cpu"), "dtype": torch.float32, "tags": {"a", "b"},
                "optimizer_state_dict": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
                "rng": torch.zeros(4, dtype=torch.uint8), "state_dict": weights}, folder / "checkpoint.pt")


def save_numpy(folder):
    arrays = {name: value.detach().numpy() for name, value in tensors().items() if name != "bf16"}
    numpy.savez(folder / "arrays.npz", **arrays)
    numpy.savez_compressed(folder / "compressed.npz", **arrays)
    swapped = {name: value.astype(value.dtype.newbyteorder(">")) for name, value in arrays.items()}
    numpy.savez(folder / "big_endian.npz", **swapped)
    numpy.savez(folder / "fortran.npz", **{n: numpy.asfortranarray(a) if a.ndim else a for n, a in arrays.items()})
    with zipfile.ZipFile(folder / "versions.npz", "w") as out:
        for i, (name, array) in enumerate(arrays.items()):
            with out.open(name + ".npy", "w") as file:
                numpy.lib.format.write_array(file, array, version=((1, 0), (2, 0), (3, 0))[i % 3])
    numpy.savez(folder / "objects.npz", a=numpy.array([{}, None], dtype=object))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "data" / "formats")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_torch(folder)
    save_numpy(folder)


if __name__ == "__main__":
    main()
