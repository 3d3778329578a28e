"""bench/guard/run starts this with its options."""
import sys

from . import counts, ratios


def main() -> int:
    """The exit status: 1 if a count has grown too much."""
    names = [name for name in sys.argv[1:] if name != "--update"] or ["ratios", "counts"]
    update = "--update" in sys.argv
    if "ratios" in names:
        ratios.check(update)
    return 0 if "counts" not in names or counts.check(update) else 1


if __name__ == "__main__":
    sys.exit(main())
