"""The driver's side of a worker."""
import json
import os
import pathlib
import select
import subprocess
import sys
from typing import Any

# Compiling a model takes the longest.
TIMEOUT_SECONDS = 900.0


def one_line(error: BaseException) -> str:
    """What an exception says, shortened."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 200 else text[:197] + "..."


class WorkerFailed(Exception):
    """One line: what the runtime, or the end of its process, says."""


class WorkerProcess:
    """A process of one runtime; used in a `with`, which ends it."""

    def __init__(self, runtime: str, threads: int, log: pathlib.Path):
        self._buffer = b""
        package = pathlib.Path(__file__).resolve().parent
        environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONWARNINGS": "ignore"}
        with log.open("ab") as errors:
            self._process = subprocess.Popen([sys.executable, "-m", "peers.worker", runtime, str(threads)],
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                             env=environment)

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def ask(self, what: str, **fields: Any) -> dict[str, Any]:
        """The answer to a request. Raises WorkerFailed."""
        try:
            self._process.stdin.write(json.dumps({"do": what, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = json.loads(self._line())
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT_SECONDS)
            if not ready:
                self._process.kill()
                raise WorkerFailed(f"no answer within {TIMEOUT_SECONDS:.0f} s")
            read = os.read(self._process.stdout.fileno(), 1 << 20)
            if not read:
                raise WorkerFailed(f"its process ended with status {self._process.wait()}")
            self._buffer += read
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line
