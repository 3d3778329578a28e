"""The driver; bench/peers/run starts it with its options."""
import argparse
import dataclasses
import os
import sys

from . import machine, markers, models, tables
from .measure import Progress, SuiteRun
from .results import Results
from .runtimes import RUNTIMES
from .workloads import Suite, suites


def parsed() -> argparse.Namespace:
    """The command line; bench/peers/run --help describes it."""
    parser = argparse.ArgumentParser(prog="bench/peers/run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--no-tables", action="store_true")
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else 7)
    return options


def quick(suite: Suite) -> Suite:
    """Fewer workloads, without the peers and types that take long to get ready."""
    contenders = [contender for contender in suite.contenders if contender.runtime != "PyTorch compiled" and
                  (not suite.one_peer or contender.precision in models.QUICK_GGUF_TYPES)]
    return dataclasses.replace(suite, contenders=contenders,
                               workloads=[workload for workload in suite.workloads if workload.quick])


def chosen(all_suites: list[Suite], only: list[str], is_quick: bool) -> list[Suite]:
    """`only` names suites, runtimes or precisions; of each kind that it names, the others are left out."""
    names = {suite.name for suite in all_suites}
    precisions = {contender.precision for suite in all_suites for contender in suite.contenders}
    unknown = [name for name in only if name not in names | set(RUNTIMES) | precisions]
    if unknown:
        sys.exit(f"bench/peers/run: --only {unknown[0]}: known are " +
                 ", ".join([*sorted(names), *RUNTIMES, *sorted(precisions)]))
    result = []
    for suite in all_suites:
        if names & set(only) and suite.name not in only or is_quick and not suite.quick and suite.name not in only:
            continue
        contenders = suite.contenders
        if set(RUNTIMES) & set(only):
            contenders = [contender for contender in contenders if contender.runtime in only]
        if precisions & set(only):
            contenders = [contender for contender in contenders if contender.precision in only]
        suite = dataclasses.replace(suite, contenders=contenders)
        result.append(quick(suite) if is_quick else suite)
    return result


def write_tables(all_suites: list[Suite], results: Results) -> None:
    """README.md and docs/performance.md, from all results that belong to this setting: docs for each number of threads."""
    def of_all_threads() -> str:
        text = ""
        for path in sorted(models.work().glob("results-*.jsonl")):
            threads = int(path.stem.removeprefix("results-"))
            same = Results(path, {**results.setting, "threads": threads}, keep=True)
            if same.continued:
                text += f"{machine.described(same.setting)}\n\n"
                text += "".join(tables.SuiteTables(suite, same).text() for suite in all_suites)
        return text
    markers.write(models.ROOT / "docs/performance.md", "peers", of_all_threads())
    if tables.SuiteTables(next(s for s in all_suites if s.name == "minilm"), results).measured():
        markers.write(models.ROOT / "README.md", "peers", tables.readme(all_suites, results, machine.described))


def main() -> None:
    """Measures what the results do not have yet, and writes the tables."""
    options = parsed()
    all_suites = suites(models.ROOT)
    wanted = chosen(all_suites, options.only, options.quick)
    if options.list:
        for suite in wanted:
            print(f"{suite.name}: {suite.title}\n  workloads: " +
                  "; ".join(workload.name for workload in suite.workloads) + "\n  contenders: " +
                  ", ".join(map(str, suite.contenders)))
        return
    setting = machine.setting(os.environ["LANEWISE"], options.threads)
    os.environ["PEERS_CODE"] = setting["code"]  # for the workers
    results = Results(models.work() / f"results-{options.threads}.jsonl", setting)
    if results.continued:
        print(f"Continuing the results of {results.setting['date']} in {results.path}", file=sys.stderr)
    if options.retry:
        results.failures.clear()
    progress = Progress(sum(len(suite.workloads) + suite.start for suite in wanted))
    for suite in wanted:
        SuiteRun(suite, results, options.rounds, progress).run()
        print(tables.SuiteTables(suite, results).text(), flush=True)
    if not options.no_tables:
        write_tables(all_suites, results)


if __name__ == "__main__":
    main()
