#!/usr/bin/env python3
"""Draws curve.csv as curve.svg: losses above, error rates of the validation words below. Needs no package."""

import csv
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT, LEFT, TOP, GAP = 560, 170, 60, 30, 60
PANELS = [
    ("cross entropy", {"train_loss": ("#888888", "training, smoothed labels"),
                       "validation_loss": ("#1f6fb4", "validation")}),
    ("error rate, greedy", {"validation_wer": ("#c0392b", "words"), "validation_per": ("#27864a", "phonemes")}),
]  # fmt: skip


def text(x, y, content, anchor="start", color="#222222"):
    """One label."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{content}</text>'


def panel(rows, top, title, series):
    """A box with four grid lines, a title, and a line with a label for each series."""
    last = max(int(row["epoch"]) for row in rows)
    peak = max(float(row[name]) for row in rows for name in series)

    def x(epoch):
        return LEFT + WIDTH * epoch / last

    def y(value):
        return top + HEIGHT * (1 - value / peak)

    parts = [text(LEFT, top - 10, title)]
    for i in range(5):
        value = peak * i / 4
        parts.append(f'<path d="M{LEFT} {y(value):.1f}h{WIDTH}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 6, y(value) + 4, f"{value:.2f}", "end"))
    for epoch in range(0, last + 1, max(1, last // 6)):
        parts.append(text(x(epoch), top + HEIGHT + 16, epoch, "middle"))
    for i, (name, (color, label)) in enumerate(series.items()):
        points = " ".join(f"{x(int(row['epoch'])):.1f},{y(float(row[name])):.1f}" for row in rows)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(text(LEFT + WIDTH - 6, top + 18 + 18 * i, label, "end", color))
    return parts


def main():
    """Reads curve.csv beside this script and writes curve.svg there."""
    with (HERE / "curve.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    total = TOP + len(PANELS) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {total}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for i, (title, series) in enumerate(PANELS):
        parts += panel(rows, TOP + i * (HEIGHT + GAP), title + ", by epoch", series)
    (HERE / "curve.svg").write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
