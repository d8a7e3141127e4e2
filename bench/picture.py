"""The results as a picture: `python -m bench.picture FILE.svg`, results.to_json on the standard input."""

import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "order-he"  # the same figures give the same file

import matplotlib.pyplot as plt  # noqa: E402 (after the choice of what draws)

RIGHT, NOT = "#0b6e4f", "#9aa5b1"


def main(file: str) -> None:
    shown = json.load(sys.stdin)
    bars = sorted(shown["bars"], key=lambda bar: -bar["wall"])
    figure, axes = plt.subplots(figsize=(9, 0.45 * len(bars) + 1.2), layout="constrained")
    colours = [RIGHT if bar["exact"] else NOT for bar in bars]
    drawn = axes.barh([bar["name"] for bar in bars], [bar["wall"] for bar in bars], color=colours)
    axes.bar_label(drawn, [f"{bar['wall']:.2f} x  (CPU {bar['cpu']:.2f} x)" for bar in bars], padding=4, fontsize=9)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(0.4, 6 * max(bar["wall"] for bar in bars))
    axes.set_xlabel(f"wall time, client's raw stream = 1; {shown['rows']:,} rows; green: every value right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
