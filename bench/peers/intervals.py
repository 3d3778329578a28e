"""Medians, ratios and their 95 % intervals: a bootstrap over rounds, with a fixed seed.

A round is one slice of every contender, a few seconds apart. What disturbs a machine lasts longer than that, so a round
is what repeats, not a single run: whole rounds are drawn, and for a ratio the same rounds of both sides.
"""
import random
import statistics
from typing import Callable, NamedTuple, Sequence

DRAWS = 2000
SEED = 20261130


class Estimate(NamedTuple):
    """A value with the bounds of its 95 % interval, all in the unit of what was measured."""

    value: float
    low: float
    high: float


def _bootstrap(rounds: int, statistic: Callable[[Sequence[int]], float]) -> Estimate:
    """`statistic` gets the indices of the drawn rounds."""
    generator = random.Random(SEED)
    drawn = sorted(statistic([generator.randrange(rounds) for _ in range(rounds)]) for _ in range(DRAWS))
    return Estimate(statistic(range(rounds)), drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1])


def median(values: Sequence[float]) -> Estimate:
    """The median over rounds. Fails with ValueError if there is no round."""
    if not values:
        raise ValueError("the median of no rounds")
    return _bootstrap(len(values), lambda drawn: statistics.median(values[i] for i in drawn))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The median of `ours` over that of `theirs`; ours[i] and theirs[i] are of the same round."""
    if not ours or len(ours) != len(theirs):
        raise ValueError(f"a ratio of {len(ours)} rounds to {len(theirs)}")
    return _bootstrap(len(ours), lambda drawn: statistics.median(ours[i] for i in drawn) /
                      statistics.median(theirs[i] for i in drawn))
