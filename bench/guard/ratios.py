"""Fractions of the machine's roofline that kernels and models reach."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import random_checkpoint

from . import kept
from .fixtures import ROOT, lanewise

PATH = pathlib.Path(__file__).with_name("ratios.json")
# The best of so many tries: whatever else the machine does only makes them slower.
TRIES = 3

# Suite of bench/ -> names of cases, with the best instruction set at {}.
KERNELS = {
    "linear_bench": ["linear/{}/m:16/k:384/n:1536", "linear/{}/m:128/k:768/n:3072", "linear/{}/m:1/k:768/n:3072/cold",
                     "linear/{}/bf16/m:128/k:768/n:3072", "linear/{}/i8/m:16/k:384/n:1536",
                     "linear/{}/i8/m:128/k:768/n:3072", "linear/{}/i4g32/m:128/k:768/n:3072",
                     "linear/{}/q4_k/m:16/k:768/n:3072", "linear/{}/q8_0/m:16/k:768/n:3072"],
    "attention_bench": ["attention/{}/head_dim:32/1x128", "attention/{}/head_dim:64/1x512",
                        "attention/{}/head_dim:64/8x128/causal"],
}


def best_isa() -> str:
    """That of this machine."""
    return json.loads(lanewise("cpu", "--json"))["available_isas"][-1]


def kernel_ratios(isa: str) -> dict[str, float]:
    """By case: the fraction of the FMA peak of f32, or of the read bandwidth in cold cases."""
    found: dict[str, float] = {}
    for suite, names in KERNELS.items():
        wanted = [name.format(isa) for name in names]
        pattern = "^(" + "|".join(wanted) + ")$"
        out = subprocess.run([ROOT / "build/release/bench" / suite, f"--benchmark_filter={pattern}",
                              "--benchmark_min_time=0.05", f"--benchmark_repetitions={TRIES}",
                              "--benchmark_format=json"], check=True, capture_output=True, text=True).stdout
        for case in json.loads(out[out.index("{"):])["benchmarks"]:
            ratio = case.get("read", case.get("peak"))
            if case["run_type"] == "iteration" and ratio is not None:
                name = case["run_name"].replace(f"/{isa}", "")
                found[name] = max(found.get(name, 0.0), ratio)
    return found


def bench(model: pathlib.Path, *work: Any) -> float:
    """The fraction of the roofline of `lanewise bench`."""
    return max(json.loads(lanewise("bench", model, *work, "--seconds", 0.5, "--json"))["roofline_fraction"]
               for _ in range(TRIES))


def model_ratios(folder: pathlib.Path) -> dict[str, float]:
    """MiniLM and the bundled model as they are, and a decoder of 40 M random parameters."""
    found = {}
    cache = os.environ.get("LANEWISE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "lanewise")
    minilm = pathlib.Path(cache) / "models/minilm"
    if minilm.exists():
        for weights in ("f32", "int8"):
            model = folder / f"minilm-{weights}.lw"
            lanewise("convert", minilm, "-o", model, "--weights", weights)
            found[f"MiniLM {weights}, 8 x 128"] = bench(model, "--batch", 8, "--length", 128)
    else:
        print("without MiniLM: tools/get-model minilm downloads it")
    g2p = folder / "g2p.lw"
    lanewise("convert", ROOT / "models/g2p", "-o", g2p)
    found["g2p, 8 letters"] = bench(g2p, "--length", 8, "--new-tokens", 8)
    checkpoint = random_checkpoint.llama(folder / "llama", 512, 12, 16000)
    for weights in ("f32", "int4"):
        model = folder / f"llama-{weights}.lw"
        lanewise("convert", checkpoint, "-o", model, "--weights", weights)
        found[f"decoder {weights}, 16 + 32 tokens"] = bench(model, "--length", 16, "--new-tokens", 32)
    return found


def check(update: bool) -> None:
    """Prints each ratio, and what has become slower."""
    isa = best_isa()
    with tempfile.TemporaryDirectory() as folder:
        now = {name: round(value, 3) for name, value in
               {**kernel_ratios(isa), **model_ratios(pathlib.Path(folder))}.items()}
    stored = kept.read(PATH)
    if update:
        kept.write(PATH, {**stored, isa: now})
        print(f"kept {len(now)} ratios for {isa} in {PATH.name}")
        return
    if isa not in stored:
        print(f"nothing is kept for {isa}: bench/guard/run ratios --update on a quiet machine keeps it")
    lines = kept.compared(now, stored.get(isa, {}))
    for line in lines:
        print(f"{line.name:40s} {line.now:6.3f} of the roofline" +
              (f", {100 * line.change():+.0f} %" if line.kept else ""))
    for line in kept.slower(lines):
        print(f"SLOWER, or a busy machine: {line.name}: {line.now:.3f}, kept {line.kept:.3f}", file=sys.stderr)
