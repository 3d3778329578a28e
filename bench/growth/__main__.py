"""bench/growth/run starts this with its options."""
import argparse
import json
import sys
import time

from peers import machine, markers

from . import paper
from .sweeps import PROGRAM, ROOT, SWEEPS, Point, Sweep, lanewise


def shown(seconds: float) -> str:
    """In ms with three digits."""
    return f"{seconds * 1e3:#.3g}".rstrip(".") if seconds < 1 else f"{seconds * 1e3:,.0f}"


def table(sweep: Sweep, points: list[Point]) -> str:
    """Measured times, work, and measured over predicted: the reference's time, times how much more work it is."""
    reference = points[min(sweep.reference, len(points) - 1)]
    text = f"| {sweep.title} | ms | {sweep.work_unit} | measured / predicted |\n|---|---|---|---|\n"
    for point in points:
        predicted = reference.seconds * point.work / reference.work
        mark = " (reference)" if point is reference else ""
        text += (f"| {point.what} | {shown(point.seconds)} | {point.work / sweep.scale:,.3g} | "
                 f"{point.seconds / predicted:.2f}{mark} |\n")
    return f"{text}\n{sweep.bend}\n"


def main() -> None:
    """Measures the sweeps, prints and writes their tables."""
    parser = argparse.ArgumentParser(prog="bench/growth/run")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[sweep.name for sweep in SWEEPS])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--no-tables", action="store_true")
    options = parser.parse_args()
    unknown = set(options.only) - {sweep.name for sweep in SWEEPS}
    if unknown:
        sys.exit(f"bench/growth/run: --only {min(unknown)}: known are {', '.join(sweep.name for sweep in SWEEPS)}")
    about = json.loads(lanewise("--version", "--json"))
    text = (f"{machine.cpu_name()}, {time.strftime('%Y-%m-%d')}, commit {machine.code_state(PROGRAM)[0]} "
            f"({about['compiler']}). Predicted: the time of the reference row, times how much more work a row is.\n")
    for sweep in SWEEPS:
        if sweep.name in options.only:
            begin = time.monotonic()
            result = table(sweep, sweep.points(options.seconds))
            print(f"{result}\n({sweep.name}: {time.monotonic() - begin:.0f} s)\n", flush=True)
            text += f"\n{result}"
    text += f"\n{paper.text()}"
    if not options.no_tables:
        markers.write(ROOT / "docs/performance.md", "growth", text)


if __name__ == "__main__":
    main()
