#!/usr/bin/env python3
"""Checks that damaged and hostile folders and files are errors, soon and without much memory.

    python check_damage.py PROGRAM [--only TEXT] [--list]

Plants some 450 faults, each in a folder or file of its own: a small BERT in each format, its configs, tokenizers, indices, links, the
modules of sentence-transformers, Model2Vec, DeBERTa, adapters, quantised checkpoints, GGUF and model files. `lanewise convert` must
end with exit code 1 and one line that begins with `lanewise: error: `, within a second and 200 MB. Needs no packages. Prints what is
wrong and the largest time and memory, and fails if anything is wrong. On a busy machine, `--seconds` allows more time.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from damage_cases import all_cases, plant

SECONDS = 1.0
MEGABYTES = 200


def run(arguments, seconds):
    """Exit code, stderr, seconds, megabytes."""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=errors, stdin=subprocess.DEVNULL)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            taken = time.monotonic() - start
            if pid:
                break
            if taken > 20 * seconds:
                child.kill()
            time.sleep(0.002)
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        busy = usage.ru_utime + usage.ru_stime
        return child.returncode, errors.read().decode(errors="replace"), busy, usage.ru_maxrss / 1024


def check(program, folder, at, options, seconds):
    path = folder / at if at else folder
    out = folder.parent / "out.lw"
    command = [program, "embed", path, "a b"] if "embed" in options else [program, "convert", path, "-o", out]
    code, errors, taken, memory = run([*command, "--quiet"], seconds)
    lines = [line for line in errors.splitlines() if line.startswith("lanewise: error: ")]
    faults = []
    if code != 1:
        faults.append(f"exit code {code}")
    if len(lines) != 1:
        faults.append("no error" if not lines else "several errors")
    if taken > seconds:
        faults.append(f"{taken:.1f} s")
    if memory > MEGABYTES:
        faults.append(f"{memory:.0f} MB")
    if out.exists() or pathlib.Path("/tmp/lanewise-was-here").exists():
        faults.append("something was written")
    return faults, errors.strip(), taken, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true", help="print each message")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    wrong, longest, largest, count = 0, 0.0, 0.0, 0
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work)
        for number, (name, files, at, make, options) in enumerate(all_cases(arguments.program, root)):
            if arguments.only not in name:
                continue
            folder = root / str(number)
            plant(folder, files, make)
            faults, errors, taken, memory = check(arguments.program, folder, at, options, arguments.seconds)
            count, wrong, longest, largest = count + 1, wrong + bool(faults), max(longest, taken), max(largest, memory)
            if faults or arguments.list:
                print("WRONG" if faults else "ok   ", name + ":", ", ".join(faults), "|", errors[:300], flush=True)
            shutil.rmtree(folder)
            (root / "out.lw").unlink(missing_ok=True)
    print(f"{count} planted faults, wrong: {wrong}; at most {longest:.2f} s of a CPU, {largest:.0f} MB")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
