"""Writes tests/data/gguf/: files by the package `gguf` with what its own functions read from them.

    python tests/reference/make_gguf.py tests/data/gguf

types.gguf     for every block type a tensor of random bytes, named after the type, and beside it
               NAME.f32, what gguf.quants.dequantize() makes of it. The scales of the first blocks
               are zeros, subnormal, the largest, infinite and NaN. Plain types likewise.
metadata.gguf  one entry of every type and array, and small tensors.
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

# Where the f16 numbers of a block stand.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_XS": [0],
}  # fmt: skip
SPECIAL = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0x7C00, 0xFC00, 0x7E00]


def random_blocks(name: str, rows: int, blocks: int, rng: np.random.Generator) -> np.ndarray:
    """[rows, bytes of a row] u8, the first blocks with the special scales."""
    size = GGML_QUANT_SIZES[Type[name]][1]
    data = rng.integers(0, 256, (rows * blocks, size), dtype=np.uint8)
    halves = rng.normal(0, 0.01, (rows * blocks, len(HALVES[name]))).astype(np.float16)
    bits = halves.view(np.uint16)
    for i, special in enumerate(SPECIAL[: rows * blocks - 2]):
        bits[i, i % len(HALVES[name])] = special
    for j, at in enumerate(HALVES[name]):
        data[:, at : at + 2] = bits[:, j : j + 1].view(np.uint8)
    return data.reshape(rows, blocks * size)


def plain_tensors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    values = rng.normal(0, 1, (3, 5))
    return {
        "F32": values.astype(np.float32),
        "F16": values.astype(np.float16),
        "F64": values,
        "I8": rng.integers(-128, 128, (2, 3, 4), dtype=np.int8),
        "I16": rng.integers(-(2**15), 2**15, (7,), dtype=np.int16),
        "I32": rng.integers(-(2**31), 2**31, (2, 2, 2, 2), dtype=np.int32),
        "I64": rng.integers(-(2**63), 2**63, (1, 3), dtype=np.int64),
    }


def write(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_types(path: Path) -> None:
    rng = np.random.default_rng(7)
    writer = GGUFWriter(path, "types")
    for name in HALVES:
        large = GGML_QUANT_SIZES[Type[name]][0] == 256
        data = random_blocks(name, 2 if large else 4, 5 if large else 6, rng)
        writer.add_tensor(name, data, raw_dtype=Type[name])
        with np.errstate(all="ignore"):
            writer.add_tensor(name + ".f32", dequantize(data, Type[name]))
    for name, tensor in plain_tensors(rng).items():
        writer.add_tensor(name, tensor)
    bits = rng.integers(0, 2**16, (3, 8), dtype=np.uint16)
    writer.add_tensor("BF16", bits.view(np.uint8), raw_dtype=Type.BF16)
    writer.add_tensor("BF16.f32", dequantize(bits.view(np.uint8), Type.BF16))
    write(writer)


def write_metadata(path: Path) -> None:
    writer = GGUFWriter(path, "test")
    for name, kind, value in [
        ("u8", Value.UINT8, 255), ("i8", Value.INT8, -128), ("u16", Value.UINT16, 65535),
        ("i16", Value.INT16, -32768), ("u32", Value.UINT32, 2**32 - 1),
        ("i32", Value.INT32, -(2**31)), ("u64", Value.UINT64, 2**64 - 1),
        ("i64", Value.INT64, -(2**63)), ("f32", Value.FLOAT32, 0.1), ("f64", Value.FLOAT64, 0.1),
        ("bool", Value.BOOL, True), ("string", Value.STRING, "h\u00e9llo"),
        ("empty", Value.STRING, ""),
    ]:  # fmt: skip
        writer.add_key_value("test." + name, value, kind)
    writer.add_array("test.strings", ["a", "", "\u4e2d"])
    writer.add_array("test.integers", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -0.25])
    writer.add_array("test.bools", [True, False])
    writer.add_array("test.nested", [[1, 2], [3]])
    rng = np.random.default_rng(8)
    writer.add_tensor("q4", random_blocks("Q4_0", 2, 2, rng), raw_dtype=Type.Q4_0)
    writer.add_tensor("f32", rng.normal(0, 1, (2, 3)).astype(np.float32))
    writer.add_tensor("iq1", np.zeros((1, 50), np.uint8), raw_dtype=Type.IQ1_S)
    write(writer)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_types(folder / "types.gguf")
    write_metadata(folder / "metadata.gguf")


if __name__ == "__main__":
    main()
