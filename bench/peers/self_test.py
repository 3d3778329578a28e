"""Tests of what needs no package:  bench/peers/run --self-test"""
import pathlib
import tempfile
import unittest

from . import intervals, markers, tables
from .results import Contender, Results
from .workloads.suite import Suite, Workload

SETTING = {"machine": "M", "threads": 2, "date": "2026-01-01"}
OURS, PEER, OTHER = Contender("lanewise", "f32"), Contender("PyTorch", "f32"), Contender("OpenVINO", "f32")


class IntervalsTest(unittest.TestCase):
    """Medians and ratios."""

    def test_the_interval_contains_the_median_and_repeats(self):
        values = [1.0, 1.1, 0.9, 1.05, 5.0]
        estimate = intervals.median(values)
        self.assertEqual(estimate.value, 1.05)
        self.assertLessEqual(estimate.low, 1.05)
        self.assertGreaterEqual(estimate.high, 1.05)
        self.assertEqual(estimate, intervals.median(values))

    def test_equal_rounds_have_no_interval(self):
        self.assertEqual(intervals.median([2.0] * 7), (2.0, 2.0, 2.0))

    def test_a_ratio_pairs_rounds(self):
        # Every round is twice as slow as the one before; the ratio is 1/2 in each.
        ours = [1.0, 2.0, 4.0, 8.0, 16.0]
        estimate = intervals.ratio(ours, [2 * value for value in ours])
        self.assertEqual(estimate, (0.5, 0.5, 0.5))

    def test_refuses_no_rounds_and_rounds_of_one_side(self):
        for call in (lambda: intervals.median([]), lambda: intervals.ratio([], []),
                     lambda: intervals.ratio([1.0], [1.0, 2.0])):
            self.assertRaises(ValueError, call)


class MarkersTest(unittest.TestCase):
    """Tables between comments."""

    TEXT = "before\n<!-- measured: a -->\nold\n<!-- end: a -->\nafter\n"

    def test_replaces_what_is_between_and_nothing_else(self):
        expected = "before\n<!-- measured: a -->\nnew\n<!-- end: a -->\nafter\n"
        self.assertEqual(markers.replaced(self.TEXT, "a", "new\n\n"), expected)
        self.assertEqual(markers.replaced(expected, "a", "new"), expected)

    def test_refuses_missing_repeated_and_swapped_comments(self):
        swapped = "<!-- end: a -->\n<!-- measured: a -->\n"
        for text in ("", self.TEXT * 2, swapped, self.TEXT.replace("<!-- end: a -->", "")):
            self.assertRaises(ValueError, markers.replaced, text, "a", "new")
        self.assertRaises(ValueError, markers.replaced, self.TEXT, "b", "new")

    def test_an_error_names_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.md"
            path.write_text("nothing")
            with self.assertRaisesRegex(ValueError, "x.md"):
                markers.write(path, "a", "new")


class ResultsTest(unittest.TestCase):
    """Files of results."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name) / "results-2.jsonl"

    def opened(self, **setting) -> Results:
        return Results(self.path, {**SETTING, **setting})

    def test_goes_on_with_the_rounds_that_are_missing(self):
        results = self.opened()
        self.assertEqual(results.missing_rounds("w", [OURS, PEER], 3), [0, 1, 2])
        results.add_round("w", OURS, 0, {"run_s": 1.0})
        results.add_round("w", PEER, 0, {"run_s": 2.0})
        results.add_round("w", OURS, 1, {"run_s": 3.0})
        again = self.opened(date="2026-01-02")
        self.assertTrue(again.continued)
        self.assertEqual(again.setting["date"], "2026-01-01")
        self.assertEqual(again.missing_rounds("w", [OURS, PEER], 3), [1, 2])
        self.assertEqual(again.values("w", OURS, "run_s"), {0: 1.0, 1: 3.0})

    def test_a_line_cut_off_is_measured_again(self):
        results = self.opened()
        results.add_round("w", OURS, 0, {"run_s": 1.0})
        results.add_round("w", OURS, 1, {"run_s": 2.0})
        self.path.write_text(self.path.read_text()[:-5])
        again = self.opened()
        self.assertEqual(again.missing_rounds("w", [OURS], 2), [1])
        again.add_round("w", OURS, 1, {"run_s": 4.0})
        self.assertEqual(self.opened().values("w", OURS, "run_s"), {0: 1.0, 1: 4.0})

    def test_another_setting_starts_anew_and_keeps_the_old_file(self):
        self.opened().add_round("w", OURS, 0, {"run_s": 1.0})
        other = self.opened(machine="N")
        self.assertFalse(other.continued)
        self.assertEqual(other.values("w", OURS, "run_s"), {})
        self.assertTrue(self.path.with_suffix(".old").exists())

    def test_only_looking_changes_nothing(self):
        self.opened().add_round("w", OURS, 0, {"run_s": 1.0})
        before = self.path.read_text()
        self.assertFalse(Results(self.path, {**SETTING, "machine": "N"}, keep=True).continued)
        self.assertEqual(self.path.read_text(), before)

    def test_a_failure_is_kept_until_it_works(self):
        self.opened().add_failure("w", PEER, "no")
        results = self.opened()
        self.assertEqual(results.failures, {("w", PEER): "no"})
        results.add_difference("w", PEER, 0.5)
        self.assertEqual(self.opened().failures, {})


class TablesTest(unittest.TestCase):
    """Tables of made-up results."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.results = Results(pathlib.Path(folder.name) / "results-2.jsonl", SETTING)
        self.suite = Suite("s", "A model", "m", [Workload("one", "encode", {})], [PEER, OTHER, OURS], {"f32": 1.0})
        self.tables = tables.SuiteTables(self.suite, self.results)

    def add(self, contender: Contender, *seconds: float, workload: str = "s/one") -> None:
        for number, value in enumerate(seconds):
            self.results.add_round(workload, contender, number, {"run_s": value})

    def test_the_ratio_is_to_the_best_peer(self):
        self.add(PEER, 0.004, 0.004)
        self.add(OTHER, 0.002, 0.002)
        self.add(OURS, 0.001, 0.001)
        self.assertEqual(self.tables.short("f32"), "| f32 | one |\n|---|---|\n| PyTorch | 4.00 |\n| OpenVINO | 2.00 |\n"
                                                   "| lanewise | **1.00** |\n")
        self.assertEqual(self.tables.ratios("f32"), "| of the best peer | 0.50 (0.50-0.50) |\n")

    def test_rates_are_better_when_larger(self):
        self.suite.workloads[0] = Workload("one", "encode", {}, tokens=100)
        self.add(OTHER, 0.2)
        self.add(OURS, 0.1)
        self.assertIn("| **1,000** |", self.tables.short("f32"))
        self.assertEqual(self.tables.ratios("f32"), "| of the best peer | 2.00 (2.00-2.00) |\n")

    def test_takes_off_the_time_of_the_prompt(self):
        self.suite.workloads.append(Workload("two", "encode", {}, tokens=10, subtract="one"))
        self.add(OURS, 1.0, 1.0)
        self.add(OURS, 3.0, 3.0, workload="s/two")
        self.assertEqual(self.tables.seconds(self.suite.workloads[1], OURS), {0: 2.0, 1: 2.0})

    def test_names_what_failed_with_its_reason(self):
        self.add(OURS, 0.001)
        self.results.add_failure("s/one", PEER, "it is not there")
        self.assertIn("Not measured: PyTorch f32 (it is not there).", self.tables.text())

    def test_without_results_there_is_no_table(self):
        self.assertEqual(self.tables.text(), "")

    def test_numbers_have_three_digits(self):
        self.assertEqual([tables.number(value) for value in (0.5, 6.9, 78.84, 100.4, 12345)],
                         ["0.500", "6.90", "78.8", "100", "12,345"])


if __name__ == "__main__":
    unittest.main()
