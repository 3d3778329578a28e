"""The table of docs/quantisation.md: size, accuracy and speed of each type of weights on each instruction set.

    python3 bench/quantisation.py CHECKPOINT [--threads N] [--rounds N]

Converts CHECKPOINT, a folder of an encoder, as f32, bf16, int8 and int4, and times `lanewise bench` of all of them in
turn, so that they share whatever else the machine does. Needs build/release/lanewise ($LANEWISE) and nothing else.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

PROGRAM = os.environ.get("LANEWISE", "build/release/lanewise")
TYPES = ["f32", "bf16", "int8", "int4"]
WORKLOADS = {"1x16": ["--length", "16"], "1x128": ["--length", "128"], "8x128": ["--batch", "8", "--length", "128"]}


def lanewise(*arguments):
    """The standard output of the program."""
    return subprocess.run([PROGRAM, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def measure(models, isas, threads, rounds):
    """Medians in ms by (type, isa, workload)."""
    times = {}
    for _ in range(rounds):
        for label, workload in WORKLOADS.items():
            for isa in isas:
                for kind, model in models.items():
                    out = lanewise("bench", model, *workload, "--isa", isa, "--threads", threads, "--seconds", 0.3,
                                   "--json", "--quiet")
                    times.setdefault((kind, isa, label), []).append(json.loads(out)["p50_ms"])
    return {key: statistics.median(values) for key, values in times.items()}


def wide_weights(record):
    """How many weights are kept at higher precision, and as what."""
    return f"{len(record['wide'])} as {record['wide_type']}" if record["wide"] else "none"


def main():
    """Reads the command line; see the text at the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    isas = json.loads(lanewise("cpu", "--json"))["available_isas"]
    with tempfile.TemporaryDirectory() as folder:
        models = {kind: os.path.join(folder, kind + ".lw") for kind in TYPES}
        print("| weights | MB | cosine to f32, mean / worst | relative error | kept at higher precision |\n|---|---|---|---|---|")
        for kind, model in models.items():
            lanewise("convert", arguments.checkpoint, "-o", model, "--weights", kind, "--quiet")
            record = json.loads(lanewise("inspect", model, "--json"))["quantization"]
            accuracy = "| | |"
            if record and "mean_cosine" in record:
                accuracy = (f"{record['mean_cosine']:.4f} / {record['worst_cosine']:.4f} | "
                            f"{record['relative_error']:.3f} | {wide_weights(record)} |")
            print(f"| {kind} | {pathlib.Path(model).stat().st_size / 1e6:.1f} | {accuracy}")
        times = measure(models, isas, arguments.threads, arguments.rounds)
    print("\n| instruction set | weights | " + " | ".join(WORKLOADS) + " |\n|---|---|" + "---|" * len(WORKLOADS))
    for isa in isas:
        for kind in TYPES:
            cells = []
            for label in WORKLOADS:
                ms = times[kind, isa, label]
                cells.append(f"{ms:.2f} ms ({times['f32', isa, label] / ms:.2f}x)")
            print(f"| {isa} | {kind} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
