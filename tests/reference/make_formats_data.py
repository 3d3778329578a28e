#!/usr/bin/env python3
"""Writes tests/data/formats/: the same small tensors as PyTorch and numpy store them.

    python make_formats_data.py [--output FOLDER]

tests/converters/stored_files_test.cpp has the expected contents of each file. Values are functions of the
position of an element.
"""

import argparse
import collections
import datetime
import enum
import fractions
import functools
import io
import pathlib
import types
import uuid
import zipfile
from collections import OrderedDict

import numpy
import torch
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

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
    save_exported(folder)


class Table(torch.nn.Module):
    """A weight, a transposed view of it, and a buffer that is not saved."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(6, dtype=torch.float32).reshape(2, 3) / 8)
        self.turned = torch.nn.Parameter((torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4).t())
        self.register_buffer("positions", torch.tensor([1.0, 2.0]), persistent=False)

    def forward(self, x):
        return x @ self.weight @ self.turned + self.positions


def save_exported(folder):
    """As torch.export.save(), and as it did until PyTorch 2.7; without the graph, whose traces have paths."""
    program = torch.export.export(Table(), (torch.ones(1, 2),))
    whole = io.BytesIO()
    torch.export.save(program, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(folder / "exported.pt2", "w") as archive:
        for name in source.namelist():
            if "/models/" not in name and "/sample_inputs/" not in name:
                archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), source.read(name))
    with zipfile.ZipFile(folder / "exported_old.pt2", "w") as archive:
        for name, value in (("serialized_state_dict.pt", dict(program.state_dict)),
                            ("serialized_constants.pt", dict(program.constants))):
            file = io.BytesIO()
            torch.save(value, file)
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), file.getvalue())


def save_checkpoint(folder, state):
    """A training script's checkpoint; a module's own state_dict() has _metadata."""
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


class Settings:
    """A custom class, a subclass of dict, and an enumeration."""

    def __init__(self):
        self.rate = 0.1
        self.weights = {"w": torch.ones(3)}


class Registry(dict):
    """A class of dicts with an attribute."""

    note = "x"


class Phase(enum.Enum):
    TRAIN = 1
    TEST = "two"


Point = collections.namedtuple("Point", "x y")


class Slots:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, [2]


class Count(int):
    """Made by __new__ with an argument."""


class Named:
    """Made by __new__ with an argument that has a name."""

    def __new__(cls, *, name):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"name": "x"}


def other_objects(protocol):
    """Objects that users store beside their weights, as far as the pickle protocol supports them."""
    default = collections.defaultdict(list)
    default["a"].append(1)
    registry = Registry(a=1)
    registry.note = "y"
    late = {}
    if protocol >= 2:
        late["slots"] = Slots()
    if protocol >= 4:
        late["memory"] = torch.contiguous_format
    return {
        **late, "args": argparse.Namespace(lr=1e-3, layers=[1, 2], path=pathlib.PurePosixPath("/tmp/x"), model=Settings()),
        "version": torch.__version__, "path": pathlib.PosixPath("/tmp"), "default": default,
        "counter": collections.Counter("abca"), "deque": collections.deque([1, 2], maxlen=3), "array": numpy.arange(5),
        "matrix": numpy.ones((2, 3), dtype=numpy.float32), "scalar": numpy.float32(1.5), "text": numpy.str_("x"),
        "objects": numpy.array([{}, None], dtype=object), "dtype": numpy.dtype("int64"),
        "random": numpy.random.RandomState(0).get_state(), "generator": numpy.random.default_rng(0),
        "partial": functools.partial(torch.nn.functional.gelu, approximate="tanh"), "function": numpy.mean,
        "layout": torch.strided, "torch_dtype": torch.float8_e4m3fn,
        "device": torch.device("cpu"), "size": torch.Size([1, 2]), "settings": Settings(), "registry": registry,
        "phase": Phase.TRAIN, "point": Point(1, torch.ones(2)), "count": Count(7),
        "named": Named(name="x"), "date": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
        "fraction": fractions.Fraction(1, 3), "uuid": uuid.UUID(int=5), "complex": 1 + 2j, "bytes": b"\x00\xff",
        "bytearray": bytearray(b"abc"), "set": {1, 2}, "frozenset": frozenset((1, 2)), "range": range(3),
        "slice": slice(1, 2), "long": 1 << 80, "negative": -(1 << 70), "float": -0.5, "none": None, "true": True,
        "simple": types.SimpleNamespace(a=1), "class": Settings, "module": torch.nn.Linear(2, 2),
        "loss": torch.nn.CrossEntropyLoss(), "method": "".join, "ellipsis": ...,
    }


def foreign_tensors():
    """Tensors of unsupported types, beside weights."""
    quantised = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    return OrderedDict(
        w=torch.arange(6, dtype=torch.float32).reshape(2, 3) / 8, complex64=torch.ones(3, dtype=torch.complex64),
        complex128=torch.ones(3, dtype=torch.complex128), conj=torch.ones(2, dtype=torch.complex64).conj(),
        u16=torch.ones(2, dtype=torch.uint16), u32=torch.ones(2, dtype=torch.uint32),
        u64=torch.ones(2, dtype=torch.uint64), f8a=torch.ones(4).to(torch.float8_e4m3fn),
        f8b=torch.ones(4).to(torch.float8_e5m2), quantised=quantised,
        sparse=torch.eye(3).to_sparse(), csr=torch.eye(3).to_sparse_csr(), v=torch.tensor([0.5, 1.5]))


def save_objects(folder):
    """The weights of tensors() beside such objects, in several forms."""
    state = tensors()
    torch.save({**other_objects(2), "epoch": 3, "state_dict": state}, folder / "objects.pt")
    for protocol in (1, 5):
        everything = {**other_objects(protocol), "epoch": 3, "state_dict": state}
        torch.save(everything, folder / f"objects_protocol{protocol}.pt", pickle_protocol=protocol)
        torch.save(everything, folder / f"objects_legacy_protocol{protocol}.pt", pickle_protocol=protocol,
                   _use_new_zipfile_serialization=False)
    torch.save(OrderedDict(foreign_tensors()), folder / "foreign.pt")
    torch.save(OrderedDict(foreign_tensors()), folder / "foreign_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save((3, {"note": Settings()}, state), folder / "root_tuple.pt")
    torch.save([state, None], folder / "root_list.pt")
    torch.save(list(state.items()), folder / "root_pairs.pt")
    torch.save({"checkpoint": {"model": state, "ema": {"x": torch.ones(1)}}, "stats": {"mean": torch.ones(1)}},
               folder / "two_levels.pt")
    torch.save(Registry(model=Registry(state), note=1), folder / "root_class.pt")
    torch.save(Settings(), folder / "only_object.pt")


def save_parametrized(folder):
    """Modules whose weights are computed from others, each with the results as `expected.NAME`."""
    modules = torch.nn.ModuleDict({
        "norm": weight_norm(torch.nn.Linear(3, 4)), "norm1": weight_norm(torch.nn.Linear(3, 4), dim=1),
        "whole": weight_norm(torch.nn.Linear(3, 4), dim=None), "conv": weight_norm(torch.nn.Conv1d(2, 3, 2)),
        "lstm": weight_norm(torch.nn.LSTM(2, 3), "weight_hh_l0"),
        "new": parametrizations.weight_norm(torch.nn.Linear(3, 4)),
        "new1": parametrizations.weight_norm(torch.nn.Linear(3, 4), dim=1),
        "new_whole": parametrizations.weight_norm(torch.nn.Linear(3, 4), dim=None),
        "new_gru": parametrizations.weight_norm(torch.nn.GRU(2, 3), "weight_ih_l0"),
        "pruned": prune.random_unstructured(torch.nn.Linear(3, 4), "weight", 0.5),
        "rows": prune.ln_structured(prune.random_unstructured(torch.nn.Linear(3, 4), "bias", 0.5), "weight", 0.5, 2, 0),
    }).eval()
    expected = {}
    for name, parameter in modules.named_parameters():
        with torch.no_grad():
            parameter.mul_(1.5).add_(0.125)
    for name, module in modules.items():
        if name != "norm":
            module(torch.zeros(1, 2, module.weight_ih_l0.shape[1]) if hasattr(module, "weight_ih_l0") else
                   torch.zeros(2, 3) if name != "conv" else torch.zeros(1, 2, 4))
        else:
            module(torch.zeros(2, 3))
        for attribute in ("weight", "bias", "weight_hh_l0", "weight_ih_l0"):
            if isinstance(getattr(module, attribute, None), torch.Tensor):
                expected[f"expected.{name}.{attribute}"] = getattr(module, attribute).detach().clone()
    state = modules.state_dict()
    refused = torch.nn.ModuleDict({"spectral": spectral_norm(torch.nn.Linear(3, 4)),
                                   "new_spectral": parametrizations.spectral_norm(torch.nn.Linear(3, 4)),
                                   "orthogonal": parametrizations.orthogonal(torch.nn.Linear(3, 3))})
    torch.save({**state, **refused.state_dict(), **expected}, folder / "parametrized.pt")


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
    save_objects(folder)
    save_parametrized(folder)
    save_numpy(folder)


if __name__ == "__main__":
    main()
