"""Markdown tables of the results."""
from typing import Callable, Iterable

from . import intervals
from .intervals import Estimate
from .results import Contender, Results
from .workloads.suite import Suite, Workload

OURS = "lanewise"
START_METRICS = {"load_s": ("opening, ms", 1e3), "first_run_s": ("first run, ms", 1e3),
                 "private_mb": ("private memory, MB", 1.0)}


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |\n"


def head(cells: list[str]) -> str:
    """Its first two lines."""
    return row(cells) + "|" + "---|" * len(cells) + "\n"


def number(value: float) -> str:
    """Three digits, or all before the point, with separators for thousands."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def with_interval(estimate: Estimate) -> str:
    """6.90 (6.85-6.97)."""
    return f"{number(estimate.value)} ({number(estimate.low)}-{number(estimate.high)})"


def ratio_text(estimate: Estimate) -> str:
    """0.78 (0.75-0.80)."""
    return f"{estimate.value:.2f} ({estimate.low:.2f}-{estimate.high:.2f})"


class SuiteTables:
    """The tables of one suite."""

    def __init__(self, suite: Suite, results: Results):
        self.suite, self.results = suite, results

    def seconds(self, workload: Workload, contender: Contender, metric: str = "run_s") -> dict[int, float]:
        """Seconds of the runs by round, less those of the workload to subtract."""
        values = self.results.values(self.suite.key(workload), contender, metric)
        if not workload.subtract:
            return values
        base = self.results.values(f"{self.suite.name}/{workload.subtract}", contender, metric)
        if not base:
            return {}
        prompt = intervals.median(list(base.values())).value
        return {key: max(value - prompt, 1e-9) for key, value in values.items()}

    def shown(self, workload: Workload, seconds: dict[int, float]) -> list[float]:
        """In the unit of the table: ms, or tokens/s."""
        if workload.tokens:
            return [workload.tokens / value for value in seconds.values()]
        return [value * 1e3 for value in seconds.values()]

    def unit(self) -> str:
        """Of all workloads."""
        return "tokens/s" if self.suite.workloads[0].tokens else "ms"

    def of_precision(self, precision: str) -> list[Contender]:
        """Those with at least one round."""
        return [contender for contender in self.suite.contenders if contender.precision == precision and any(
            self.seconds(workload, contender) for workload in self.suite.workloads)]

    def measured(self) -> list[Workload]:
        """Workloads with at least one round."""
        return [workload for workload in self.suite.workloads
                if any(self.seconds(workload, contender) for contender in self.suite.contenders)]

    def best_ratio(self, workload: Workload, precision: str) -> Estimate | None:
        """Ours to the best peer's with this precision, of rounds that both have: of times or of rates, as shown."""
        ours = self.seconds(workload, Contender(OURS, precision))
        peers = [self.seconds(workload, contender) for contender in self.of_precision(precision)
                 if contender.runtime != OURS]
        peers = [seconds for seconds in peers if seconds]
        if not ours or not peers:
            return None
        best = min(peers, key=lambda seconds: intervals.median(list(seconds.values())).value)
        both = sorted(set(ours) & set(best))
        if not both:
            return None
        pair = [ours[key] for key in both], [best[key] for key in both]
        return intervals.ratio(*(pair[::-1] if workload.tokens else pair))

    def precisions(self) -> list[str]:
        """In the order of the contenders."""
        return list(dict.fromkeys(contender.precision for contender in self.suite.contenders))

    def short(self, precision: str) -> str:
        """Medians alone, ours in bold."""
        contenders, workloads = self.of_precision(precision), self.measured()
        if not contenders:
            return ""
        text = head([precision] + [workload.name for workload in workloads])
        for contender in contenders:
            cells = []
            for workload in workloads:
                seconds = self.seconds(workload, contender)
                value = number(intervals.median(self.shown(workload, seconds)).value) if seconds else "-"
                cells.append(f"**{value}**" if contender.runtime == OURS else value)
            text += row([contender.runtime] + cells)
        return text

    def ratios(self, precision: str) -> str:
        """The line of ratios to the best peer; empty if there is no peer."""
        found = [self.best_ratio(workload, precision) for workload in self.measured()]
        if not any(found):
            return ""
        return row(["of the best peer"] + [ratio_text(one) if one else "-" for one in found])

    def _long(self, precision: str) -> str:
        contenders, workloads = self.of_precision(precision), self.measured()
        if not contenders:
            return ""
        text = head([f"{precision}, {self.unit()}"] + [workload.name for workload in workloads] + ["difference"])
        for contender in contenders:
            cells = []
            for workload in workloads:
                seconds = self.seconds(workload, contender)
                cells.append(with_interval(intervals.median(self.shown(workload, seconds))) if seconds else "-")
            text += row([contender.runtime] + cells + [self._difference(contender)])
        ratios = self.ratios(precision)
        return text + (ratios[:-2] + "| |\n" if ratios else "") + self._tails(precision)

    def _difference(self, contender: Contender) -> str:
        found = [self.results.differences.get((self.suite.key(workload), contender)) for workload in
                 self.suite.workloads]
        known = [value for value in found if value is not None]
        return f"{max(known):.1g}" if known else ""

    def _tails(self, precision: str) -> str:
        """p99 of streams, as one more table."""
        text = ""
        for workload in self.measured():
            if workload.rate:
                text += f"\np99 of the {workload.name}: " + ", ".join(
                    f"{contender.runtime} {with_interval(intervals.median([1e3 * s for s in tail]))} ms"
                    for contender in self.of_precision(precision)
                    if (tail := list(self.seconds(workload, contender, "p99_s").values()))) + ".\n"
        return text

    def _by_precision(self) -> str:
        """A row for each precision: the peer's rate, ours, and their ratio. For suites with one peer."""
        workloads = self.measured()
        peer = self.suite.reference
        text = f"{peer} / lanewise in {self.unit()}, and lanewise over {peer}:\n\n"
        text += head(["type"] + [workload.name for workload in workloads] + ["difference"])
        for precision in self.precisions():
            if not self.of_precision(precision):
                continue
            cells = []
            for workload in workloads:
                pair = [self.seconds(workload, Contender(runtime, precision)) for runtime in (peer, OURS)]
                rates = [number(intervals.median(self.shown(workload, seconds)).value) if seconds else "-"
                         for seconds in pair]
                ratio = self.best_ratio(workload, precision)
                cells.append(" / ".join(rates) + (f": {ratio_text(ratio)}" if ratio else ""))
            text += row([precision] + cells + [self._difference(Contender(OURS, precision))])
        return text

    def _starts(self) -> str:
        """Opening, first run and memory."""
        key = f"{self.suite.name}/start"
        contenders = self.results.contenders(key)
        if not contenders:
            return ""
        text = "\n" + head(["start"] + [title for title, _ in START_METRICS.values()])
        for contender in contenders:
            cells = []
            for metric, (_, scale) in START_METRICS.items():
                values = [value * scale for value in self.results.values(key, contender, metric).values()]
                cells.append(with_interval(intervals.median(values)))
            text += row([str(contender)] + cells)
        return text

    def _failures(self) -> str:
        """One sentence for each reason."""
        reasons: dict[str, list[str]] = {}
        for (workload, contender), reason in self.results.failures.items():
            if workload.split("/")[0] == self.suite.name:
                names = reasons.setdefault(reason, [])
                if str(contender) not in names:
                    names.append(str(contender))
        return "".join(f"\nNot measured: {', '.join(names)} ({reason}).\n" for reason, names in reasons.items())

    def text(self) -> str:
        """Everything about the suite under a heading; empty without results."""
        if not self.measured():
            return ""
        if self.suite.one_peer:
            body = self._by_precision()
        else:
            body = "\n".join(filter(None, (self._long(precision) for precision in self.precisions())))
        return f"### {self.suite.title}\n\n{body}{self._starts()}{self._failures()}\n"


def readme(suites: list[Suite], results: Results, described: Callable[[dict], str]) -> str:
    """The short tables of MiniLM, and of translation."""
    by_name = {suite.name: SuiteTables(suite, results) for suite in suites}
    text = f"Medians; MiniLM-L6 in ms. {described(results.setting)}\n"
    for precision in ("f32", "int8", "bf16"):
        table = by_name["minilm"].short(precision)
        if table:
            text += f"\n{table}{by_name['minilm'].ratios(precision)}"
    if by_name["base"].measured():
        text += f"\n{by_name['base'].suite.title}, 32 new tokens, tokens/s:\n"
        for precision in ("f32", "int8"):
            table = by_name["base"].short(precision)
            if table:
                text += f"\n{table}{by_name['base'].ratios(precision)}"
    return text
