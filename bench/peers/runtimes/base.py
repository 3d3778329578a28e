"""What the driver asks of every runtime."""
import gc
import os
import pathlib
import time
from typing import Any, Callable

import numpy as np


class Unsupported(Exception):
    """The runtime cannot do this, for the reason in the message."""


class Case:
    """A workload that is loaded and ready. A subclass has run(), or times() of its own."""

    def run(self) -> None:
        """One run, the inputs ready in memory, until the outputs are."""
        raise NotImplementedError

    def output(self) -> np.ndarray:
        """What a run computes; the same shape and meaning from all runtimes."""
        raise NotImplementedError

    def answer(self, text: str) -> None:
        """One request of a stream: a text of its own. Only of tasks with texts."""
        raise Unsupported("no streams of texts")

    def times(self, seconds: float) -> list[float]:
        """Durations in s of runs for about so long. The first one only fills the caches again and does not count, unless
        it is longer than the slice."""
        start, times = time.perf_counter(), []
        while not times or time.perf_counter() - start < seconds:
            begin = time.perf_counter()
            self.run()
            times.append(time.perf_counter() - begin)
        return times[1:] or times

    def latencies(self, requests: list[tuple[float, str]]) -> list[float]:
        """Serves (arrival in s, text) one after another; latencies in s from the arrival, not from when there was time."""
        start, result = time.perf_counter(), []
        for arrival, text in requests:
            wait = start + arrival - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            self.answer(text)
            result.append(time.perf_counter() - start - arrival)
        return result


# Makes a case of a loaded model for some inputs.
CaseMaker = Callable[[dict[str, Any]], Case]


class Runtime:
    """Created in a process of its own, which has limited its threads. A subclass has a method for each task that it can
    do, `encode` say, which loads a model: (folder, precision) -> CaseMaker."""

    def __init__(self, threads: int):
        self.threads = threads
        self._folder: pathlib.Path | None = None
        self._loaded: dict[tuple[str, str], CaseMaker] = {}

    def open(self, task: str, folder: pathlib.Path, inputs: dict[str, Any], precision: str) -> Case:
        """A case of the model in `folder`, which stays loaded until another folder is asked for. Raises Unsupported."""
        load = getattr(self, task, None)
        if load is None:
            raise Unsupported(f"it does not {task}")
        if folder != self._folder:
            self._folder, self._loaded = folder, {}
            gc.collect()
        if (task, precision) not in self._loaded:
            self._loaded[task, precision] = load(folder, precision)
        return self._loaded[task, precision](inputs)

    def start(self, task: str, folder: pathlib.Path, inputs: dict[str, Any], precision: str) -> dict[str, float]:
        """Loads a case as the first thing of its process, the library already imported: load_s until it is ready,
        first_run_s, and private_mb, the memory that both have added beside mapped files."""
        before, begin = private_mb(), time.perf_counter()
        case = self.open(task, folder, inputs, precision)
        loaded = time.perf_counter()
        case.run()
        return {"load_s": loaded - begin, "first_run_s": time.perf_counter() - loaded,
                "private_mb": private_mb() - before}


def private_mb() -> float:
    """Memory of this process beside mapped files, in MB."""
    status = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) * 1024 / 1e6


def work_folder(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Where conversions of the checkpoint in `folder` are kept; models are never written into their own folder."""
    made = pathlib.Path(os.environ["PEERS_WORK"]) / "conversions" / folder.name / name
    made.parent.mkdir(parents=True, exist_ok=True)
    return made
