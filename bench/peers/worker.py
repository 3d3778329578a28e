"""One runtime in a process of its own, so that nobody's threads, memory or crash reach the others.

    python -m peers.worker RUNTIME THREADS

Reads a request per line, {"do": ..., ...} in JSON, and answers each with a line: {"error": reason} or the results.
What the libraries print goes to stderr.
"""
import json
import os
import pathlib
import sys
from typing import Any

from .process import one_line

WARM_UP_SECONDS = 0.3


def limit_threads(threads: int) -> None:
    """Before the libraries are imported, which read it once."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if threads == 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def arguments(request: dict[str, Any]) -> tuple[str, pathlib.Path, dict[str, Any], str]:
    """Those of Runtime.open() and start()."""
    return request["task"], pathlib.Path(request["folder"]), request["inputs"], request["precision"]


class Worker:
    """Answers requests about one runtime."""

    def __init__(self, name: str, threads: int):
        from . import runtimes
        self.runtime = runtimes.create(name, threads)
        self.case = None

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Loads a case and runs it until it is warm. `task`, `folder`, `inputs`, `precision`."""
        self.case = None
        self.case = self.runtime.open(*arguments(request))
        self.case.times(WARM_UP_SECONDS)
        return {}

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """What Runtime.start() measures; the same fields."""
        return {"values": self.runtime.start(*arguments(request))}

    def output(self, request: dict[str, Any]) -> dict[str, Any]:
        """Writes the output to the file `to`."""
        import numpy as np
        np.save(request["to"], self.case.output())
        return {}

    def times(self, request: dict[str, Any]) -> dict[str, Any]:
        """Durations of runs for `seconds`."""
        return {"times": self.case.times(request["seconds"])}

    def latencies(self, request: dict[str, Any]) -> dict[str, Any]:
        """Of `requests`, [arrival in s, text]."""
        return {"latencies": self.case.latencies(request["requests"])}


def main() -> None:
    """Serves until stdin ends."""
    name, threads = sys.argv[1], int(sys.argv[2])
    limit_threads(threads)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if worker is None:
                worker = Worker(name, threads)
            answer = getattr(worker, request["do"])(request)
        except Exception as error:  # whatever a peer raises is its result
            answer = {"error": one_line(error)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
