"""The kept figures, and what a comparison with them says. No measuring here."""
import json
import pathlib
from typing import Any, NamedTuple

# A ratio to the roofline repeats within about this much on a quiet machine, the best of a few tries.
RATIO_TOLERANCE = 0.07
# Counts repeat exactly; this much is left for changes that are worth it.
COUNT_TOLERANCE = 0.03


class Line(NamedTuple):
    """A figure beside the kept one: the change is a fraction, positive if more."""

    name: str
    now: float
    kept: float | None

    def change(self) -> float:
        """0 if nothing was kept."""
        return self.now / self.kept - 1 if self.kept else 0.0


def compared(now: dict[str, float], kept: dict[str, float]) -> list[Line]:
    """In the order of `now`."""
    return [Line(name, value, kept.get(name)) for name, value in now.items()]


def slower(lines: list[Line]) -> list[Line]:
    """Ratios that have fallen by more than the tolerance."""
    return [line for line in lines if line.change() < -RATIO_TOLERANCE]


def grown(lines: list[Line]) -> list[Line]:
    """Counts that have risen by more than the tolerance."""
    return [line for line in lines if line.change() > COUNT_TOLERANCE]


def read(path: pathlib.Path) -> dict[str, Any]:
    """The object in a file; empty if there is no file."""
    return json.loads(path.read_text()) if path.exists() else {}


def write(path: pathlib.Path, value: dict[str, Any]) -> None:
    """Writes it in a way that shows each figure as a line in a diff."""
    path.write_text(json.dumps(value, indent=2) + "\n")


def other_versions(kept: dict[str, str], now: dict[str, str]) -> str:
    """What differs, as words; empty if nothing does."""
    return ", ".join(f"{name} {now.get(name, 'none')} instead of {version}" for name, version in kept.items()
                     if now.get(name) != version)
