"""Instructions of fixed runs, counted by valgrind between the beginning and the end of main()."""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import Any

from . import kept
from .fixtures import PROGRAM, Fixtures, lanewise

PATH = pathlib.Path(__file__).with_name("counts.json")


def runs(fixtures: Fixtures) -> dict[str, list[Any]]:
    """Arguments by name. Each takes a few seconds under valgrind."""
    def encode(weights: str) -> list[Any]:
        return ["run", fixtures.encoders[weights], "--inputs", fixtures.ids, "--outputs",
                fixtures.folder / f"{weights}.safetensors"]
    return {
        "tokenize 100 kB, WordPiece": ["tokenize", fixtures.encoders["f32"], "--input", fixtures.text],
        "encode 2 x 20 tokens, f32": encode("f32"),
        "encode 2 x 20 tokens, int8": encode("int8"),
        "generate 24 tokens greedily": ["generate", fixtures.decoder, "--input-ids", fixtures.prompt,
                                        "--max-new-tokens", 24, "--min-new-tokens", 24, "--json"],
        "convert a checkpoint to int8": ["convert", fixtures.checkpoint, "-o", fixtures.folder / "converted.lw",
                                         "--weights", "int8"],
    }


def count(arguments: list[Any]) -> int:
    """Instructions of main(), without the dynamic linker. valgrind shows the program a CPU of its own, so that sizes of
    caches, and the blocks chosen for them, are the same everywhere."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=main", f"--callgrind-out-file={folder}/out", PROGRAM,
             *map(str, arguments), "--threads", "1", "--quiet"], capture_output=True, text=True, check=True,
            env={"PATH": os.environ["PATH"], "LANEWISE_ISA": "avx2"})
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def count_all(wanted: dict[str, list[Any]]) -> dict[str, int]:
    """By name. Counts do not depend on what else runs, so all CPUs count."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(wanted, pool.map(count, wanted.values())))


def versions() -> dict[str, str]:
    """What counts depend on beside our own code."""
    about = json.loads(lanewise("--version", "--json"))
    valgrind = subprocess.run(["valgrind", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return {"compiler": about["compiler"], "glibc": os.confstr("CS_GNU_LIBC_VERSION").removeprefix("glibc "),
            "oneDNN": str(about["onednn"]), "valgrind": valgrind.removeprefix("valgrind-")}


def check(update: bool) -> bool:
    """Prints each count; false if one has grown too much."""
    if shutil.which("valgrind") is None:
        print("counts skipped: there is no valgrind (tools/setup --tests installs it)")
        return True
    stored, now = kept.read(PATH), versions()
    different = kept.other_versions(stored.get("versions", {}), now)
    if different and not update:
        print(f"counts skipped: the kept ones belong to other versions; here {different}")
        return True
    with tempfile.TemporaryDirectory() as folder:
        counts = count_all(runs(Fixtures(pathlib.Path(folder))))
    if update:
        kept.write(PATH, {"versions": now, "instructions": counts})
        print(f"kept {len(counts)} counts in {PATH.name}")
        return True
    lines = kept.compared(counts, stored["instructions"])
    for line in lines:
        print(f"{line.name:32s} {line.now:14,.0f} instructions, {100 * line.change():+.2f} %")
    for line in kept.grown(lines):
        print(f"MORE INSTRUCTIONS: {line.name}: {line.now:,.0f}, kept {line.kept:,.0f}. If that is worth it, say why in "
              "the commit and run bench/guard/run counts --update")
    return not kept.grown(lines)
