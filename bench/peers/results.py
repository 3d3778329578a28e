"""The file of results: a line of JSON for each thing that was measured, so that an interrupted run loses one round.

The first line says on which machine and with which versions; results of others are not continued.
"""
import json
import pathlib
from typing import NamedTuple


class Contender(NamedTuple):
    """Who runs, with which weights: `f32`, `int8`, ..., or a type of GGUF."""

    runtime: str
    precision: str

    def __str__(self) -> str:
        return f"{self.runtime} {self.precision}"


class Results:
    """Measured values by workload, contender, round and metric.

    A metric's name ends in its unit: `run_s`, `load_s`, `private_mb`.
    """

    def __init__(self, path: pathlib.Path, setting: dict, keep: bool = False):
        """Continues the file if it was measured in the same `setting`. Otherwise renames it to *.old and starts anew, or
        with `keep` leaves it as it is and has no results."""
        self.path, self.setting = path, setting
        self.continued = False
        self._rounds: dict[tuple[str, Contender], dict[int, dict[str, float]]] = {}
        self.differences: dict[tuple[str, Contender], float] = {}
        self.failures: dict[tuple[str, Contender], str] = {}
        if path.exists() and not self._read() and not keep:
            path.rename(path.with_suffix(".old"))
        if not path.exists() and not keep:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"setting": setting})

    def _read(self) -> bool:
        lines = path_lines(self.path)
        # Appending behind half a line would spoil the next one.
        self.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        if not lines or not same_setting(lines[0].get("setting", {}), self.setting):
            return False
        self.setting = lines[0]["setting"]
        self.continued = True
        for line in lines[1:]:
            self._take(line)
        return True

    def _take(self, line: dict) -> None:
        key = line["workload"], Contender(line["runtime"], line["precision"])
        if "values" in line:
            self._rounds.setdefault(key, {})[line["round"]] = line["values"]
        elif "difference" in line:
            self.differences[key] = line["difference"]
            self.failures.pop(key, None)
        elif "failure" in line:
            self.failures[key] = line["failure"]

    def _append(self, line: dict) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _record(self, workload: str, contender: Contender, **fields) -> None:
        line = {"workload": workload, "runtime": contender.runtime, "precision": contender.precision, **fields}
        self._append(line)
        self._take(line)

    def add_round(self, workload: str, contender: Contender, number: int, values: dict[str, float]) -> None:
        """What one slice measured."""
        self._record(workload, contender, round=number, values=values)

    def add_difference(self, workload: str, contender: Contender, difference: float) -> None:
        """How far the output was from the reference; clears an earlier failure."""
        self._record(workload, contender, difference=difference)

    def add_failure(self, workload: str, contender: Contender, reason: str) -> None:
        """Why there is no time: one line."""
        self._record(workload, contender, failure=reason)

    def missing_rounds(self, workload: str, contenders: list[Contender], rounds: int) -> list[int]:
        """The rounds of 0 ... rounds - 1 that at least one of the contenders has not run."""
        done = [self._rounds.get((workload, contender), {}) for contender in contenders]
        return [number for number in range(rounds) if not all(number in of_one for of_one in done)]

    def values(self, workload: str, contender: Contender, metric: str) -> dict[int, float]:
        """By round; empty if there are none."""
        rounds = self._rounds.get((workload, contender), {})
        return {number: values[metric] for number, values in sorted(rounds.items()) if metric in values}

    def contenders(self, workload: str) -> list[Contender]:
        """Those with at least one round, in the order of their first."""
        return [contender for (name, contender) in self._rounds if name == workload]


def path_lines(path: pathlib.Path) -> list[dict]:
    """The objects of a file of JSON lines; a last line that was cut off is left out."""
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


def same_setting(old: dict, new: dict) -> bool:
    """Whether results belong together; the date may differ."""
    def without_date(setting: dict) -> dict:
        return {key: value for key, value in setting.items() if key != "date"}
    return without_date(old) == without_date(new)
