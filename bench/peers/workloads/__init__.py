"""What is measured: one file for each kind of workload, which makes suites. The list is here."""
import pathlib

from . import decoding, encoders, pronunciation, texts, translation
from .suite import Suite, Workload


def suites(root: pathlib.Path) -> list[Suite]:
    """All of them, in the order of the tables."""
    return [*encoders.suites(), *texts.suites(root), *translation.suites(), *decoding.suites(),
            *pronunciation.suites()]


__all__ = ["Suite", "Workload", "suites"]
