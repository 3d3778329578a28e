"""Measuring in turn: in a round every contender of a workload has one slice; every other round goes backwards."""
import contextlib
import pathlib
import statistics
import sys
import time
from typing import Any

from . import checks, models
from .inputs import arrivals
from .process import WorkerFailed, WorkerProcess, one_line
from .results import Contender, Results
from .runtimes import SPINNING_SECONDS
from .workloads import Suite, Workload


class Progress:
    """Lines on stderr: what runs, and how long the rest may take."""

    def __init__(self, workloads: int):
        self.workloads, self.done, self.begin = workloads, 0, time.monotonic()

    def workload(self, name: str) -> None:
        """The next one begins."""
        spent = time.monotonic() - self.begin
        left = f", about {spent / self.done * (self.workloads - self.done) / 60:.0f} min left" if self.done else ""
        print(f"[{self.done + 1}/{self.workloads}] {name}{left}", file=sys.stderr, flush=True)
        self.done += 1

    @staticmethod
    def note(text: str) -> None:
        """Below it."""
        print(f"    {text}", file=sys.stderr, flush=True)


def slice_values(worker: WorkerProcess, workload: Workload) -> dict[str, float]:
    """One slice of a contender: the median of its runs, or percentiles of a stream's latencies, in s."""
    if workload.rate == 0:
        times = worker.ask("times", seconds=workload.slice_seconds)["times"]
        return {"run_s": statistics.median(times)}
    moments, texts = arrivals(workload.rate, workload.slice_seconds), workload.inputs["texts"]
    requests = [(at, texts[i % len(texts)]) for i, at in enumerate(moments)]
    latencies = sorted(worker.ask("latencies", requests=requests)["latencies"])
    return {"run_s": statistics.median(latencies), "p99_s": latencies[int(0.99 * (len(latencies) - 1))]}


class SuiteRun:
    """Measures one suite, as far as the results do not have it yet."""

    def __init__(self, suite: Suite, results: Results, rounds: int, progress: Progress):
        self.suite, self.results, self.rounds, self.progress = suite, results, rounds, progress
        self.threads = results.setting["threads"]
        self.folder = pathlib.Path()
        self.log = models.work() / "workers.log"

    def wanted(self, workload: Workload) -> list[Contender]:
        """Those that have not failed."""
        key = self.suite.key(workload)
        return [contender for contender in self.suite.contenders if (key, contender) not in self.results.failures]

    def run(self) -> None:
        """All workloads, then starts."""
        for workload in self.suite.workloads:
            self.progress.workload(self.suite.key(workload))
            missing = self.results.missing_rounds(self.suite.key(workload), self.wanted(workload), self.rounds)
            if missing and self._prepared(workload):
                self._run_workload(workload)
        if self.suite.start:
            self.progress.workload(f"{self.suite.name}/start")
            self._run_starts(self.suite.workloads[0])

    def _prepared(self, workload: Workload) -> bool:
        """Whether the model is there; otherwise everyone has failed."""
        try:
            self.folder = models.prepare(self.suite.model)
            return True
        except Exception as error:  # of pip, a library or the disk
            for contender in self.wanted(workload):
                self.results.add_failure(self.suite.key(workload), contender, f"no model: {one_line(error)}")
            self.progress.note(f"no model: {one_line(error)}")
            return False

    def _request(self, workload: Workload, contender: Contender) -> dict[str, Any]:
        return {"task": workload.task, "folder": str(self.folder), "precision": contender.precision,
                "inputs": models.with_prompt(workload.inputs, self.folder)}

    def _fail(self, key: str, contender: Contender, reason: str) -> None:
        self.results.add_failure(key, contender, reason)
        self.progress.note(f"{contender}: {reason}")

    def _run_workload(self, workload: Workload) -> None:
        key = self.suite.key(workload)
        with contextlib.ExitStack() as stack:
            ready: dict[Contender, WorkerProcess] = {}
            for contender in self.wanted(workload):
                worker = stack.enter_context(WorkerProcess(contender.runtime, self.threads, self.log))
                try:
                    worker.ask("open", **self._request(workload, contender))
                    self._check(workload, contender, worker)
                    ready[contender] = worker
                except WorkerFailed as error:
                    self._fail(key, contender, str(error))
            # A contender that failed was not counted above.
            for number in self.results.missing_rounds(key, list(ready), self.rounds):
                self._run_round(workload, number, ready)

    def _run_round(self, workload: Workload, number: int, ready: dict[Contender, WorkerProcess]) -> None:
        key = self.suite.key(workload)
        order = list(ready)[::-1 if number % 2 else 1]
        for contender in order:
            try:
                values = slice_values(ready[contender], workload)
            except WorkerFailed as error:
                self._fail(key, contender, str(error))
                del ready[contender]
                continue
            self.results.add_round(key, contender, number, values)
            time.sleep(SPINNING_SECONDS.get(contender.runtime, 0.0))

    def _reference(self, workload: Workload, contender: Contender, worker: WorkerProcess) -> pathlib.Path:
        """The file of the output that this one is compared with, which is kept. Whoever makes it may not be measured."""
        source = self.suite.reference_of(contender.precision)
        name = f"{self.suite.key(workload)}-{source}".replace("/", "-").replace(" ", "_")
        path = models.work() / "references" / f"{name}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            if contender == source:
                worker.ask("output", to=str(path))
            else:
                with WorkerProcess(source.runtime, self.threads, self.log) as other:
                    other.ask("open", **self._request(workload, source))
                    other.ask("output", to=str(path))
        return path

    def _check(self, workload: Workload, contender: Contender, worker: WorkerProcess) -> None:
        """Raises WorkerFailed for a wrong output."""
        import numpy as np
        reference = self._reference(workload, contender, worker)
        path = models.work() / "output.npy"
        worker.ask("output", to=str(path))
        found = checks.difference(workload.task, np.load(path), np.load(reference))
        allowed = self.suite.tolerance[contender.precision]
        if found > allowed:
            raise WorkerFailed(f"its output is wrong: {found:.2g} from the reference, allowed {allowed:.2g}")
        self.results.add_difference(self.suite.key(workload), contender, found)

    def _run_starts(self, workload: Workload) -> None:
        key = f"{self.suite.name}/start"
        contenders = [contender for contender in self.wanted(workload) if (key, contender) not in self.results.failures
                      and contender.runtime != "PyTorch compiled"]
        for number in self.results.missing_rounds(key, contenders, self.rounds):
            if not self._prepared(workload):
                return
            for contender in contenders[::-1 if number % 2 else 1]:
                with WorkerProcess(contender.runtime, self.threads, self.log) as worker:
                    try:
                        values = worker.ask("start", **self._request(workload, contender))["values"]
                        self.results.add_round(key, contender, number, values)
                    except WorkerFailed as error:
                        self._fail(key, contender, str(error))
            contenders = [contender for contender in contenders if (key, contender) not in self.results.failures]
