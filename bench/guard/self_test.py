"""Tests of the comparisons:  bench/guard/run --self-test"""
import json
import pathlib
import tempfile
import unittest

import random_checkpoint

from . import kept


class KeptTest(unittest.TestCase):
    """What counts as slower."""

    def test_a_ratio_may_fall_a_little(self):
        lines = kept.compared({"a": 0.90, "b": 0.80, "c": 0.99, "new": 0.1}, {"a": 0.95, "b": 0.95, "c": 0.95})
        self.assertEqual([line.name for line in kept.slower(lines)], ["b"])

    def test_a_count_may_grow_by_three_percent(self):
        lines = kept.compared({"a": 1029, "b": 1031, "c": 500, "new": 9}, {"a": 1000, "b": 1000, "c": 1000})
        self.assertEqual([line.name for line in kept.grown(lines)], ["b"])

    def test_names_the_versions_that_differ(self):
        here = {"compiler": "GNU 13", "glibc": "2.36"}
        self.assertEqual(kept.other_versions({"compiler": "GNU 12", "glibc": "2.36"}, here),
                         "compiler GNU 13 instead of GNU 12")
        self.assertEqual(kept.other_versions(here, here), "")

    def test_reads_what_it_wrote_and_nothing_where_there_is_no_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.json"
            self.assertEqual(kept.read(path), {})
            kept.write(path, {"a": {"b": 1}})
            self.assertEqual(kept.read(path), {"a": {"b": 1}})


class CheckpointTest(unittest.TestCase):
    """Random checkpoints."""

    def test_the_file_is_as_long_as_its_header_says(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.safetensors"
            random_checkpoint.write_safetensors(path, {"a.weight": (300, 1001), "norm.weight": (7,)})
            data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + length])
        self.assertEqual(len(data), 8 + length + 4 * (300 * 1001 + 7))
        self.assertEqual(header["norm.weight"]["data_offsets"], [4 * 300 * 1001, 4 * (300 * 1001 + 7)])
        self.assertEqual(data[-28:], b"\0\0\x80\x3f" * 7)

    def test_text_has_the_length_and_repeats(self):
        text = random_checkpoint.made_up_text(["one", "two"], 1000, 100)
        self.assertEqual(text, random_checkpoint.made_up_text(["one", "two"], 1000, 100))
        self.assertAlmostEqual(len(text), 1000, delta=120)


if __name__ == "__main__":
    unittest.main()
