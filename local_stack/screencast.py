"""The README's screencast: what the demo prints, and when, as an animated SVG (`python -m local_stack.screencast`).

Run it in a fresh clone, after `make setup`. The times are those of the run, but no line waits longer than PATIENCE or
comes sooner than GAP after another. Readers who want no motion (prefers-reduced-motion) see the last screen.
tests/test_checkout.py holds its lines against the demo's.
"""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from html import escape
from itertools import groupby

from loaders.common.errors import Failure, run_command
from loaders.common.settings import DATA, ROOT

FILE = ROOT / "docs" / "images" / "demo.svg"
COMMANDS = ("make demo", "make verify")
PATIENCE, GAP, BETWEEN, LAST_SCREEN = 2, 0.15, 3, 8  # seconds
COLUMNS, ROWS, STEP, LEFT, TOP = 104, 27, 19, 16, 44  # characters, lines, and pixels
# A font is as wide as the reader's: a line that is longer in it is pressed together by textLength.
WIDTH = 8
STYLE = """
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d7dce2 }
.asked { fill: #7ee787; font-weight: bold } .step { fill: #79c0ff } rect { fill: #14181f }
#lines { transform: translateY(%(end)spx) } #cover { transform: translateY(%(height)spx) }
@media (prefers-reduced-motion: no-preference) {
#lines { animation: scroll %(length)ss step-end infinite } #cover { animation: uncover %(length)ss step-end infinite }
}
"""


def main() -> None:
    if (DATA / "mysql").exists():
        raise Failure("this folder has a shop already", "run it in a fresh clone, after `make setup`")
    FILE.write_text(svg(list(shown(recorded()))), encoding="utf-8")
    print(f"wrote {FILE}")


def recorded() -> Iterator[tuple[float, str]]:
    """Each line of the commands, as it is printed, with the second in which it was."""
    for command in COMMANDS:
        yield time.monotonic(), f"$ {command}"
        with subprocess.Popen(
            command.split(), cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                yield time.monotonic(), line.rstrip().replace(str(ROOT), "~/order-he")
        if process.returncode:
            raise Failure(f"`{command}` ended with code {process.returncode}", "see what it says above")
        yield time.monotonic(), ""


def shown(lines: Iterator[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """The lines as a terminal breaks them, in seconds from the first, without long waits."""
    second, before = 0.0, None
    for now, line in lines:
        second += BETWEEN if line == f"$ {COMMANDS[-1]}" else min(max(now - (before or now), GAP), PATIENCE)
        before = now
        for part in textwrap.wrap(line, COLUMNS, drop_whitespace=False) or [""]:
            yield round(second, 2), part


def svg(lines: list[tuple[float, str]]) -> str:
    length = lines[-1][0] + LAST_SCREEN
    scroll, uncover, there = [], [], 0
    for second, group in groupby(lines, key=lambda line: line[0]):
        there += len(list(group))
        percent = f"{100 * second / length:.2f}%"
        scroll.append(f"{percent} {{ transform: translateY({-STEP * max(0, there - ROWS)}px) }}")
        uncover.append(f"{percent} {{ transform: translateY({STEP * min(there, ROWS)}px) }}")
    width, height = COLUMNS * WIDTH + 2 * LEFT, STEP * ROWS
    style = STYLE % {"end": -STEP * max(0, there - ROWS), "height": height, "length": f"{length:.1f}"}
    frames = f"@keyframes scroll {{ {' '.join(scroll)} }}\n@keyframes uncover {{ {' '.join(uncover)} }}"
    texts = "\n".join(_text(number, line) for number, (_second, line) in enumerate(lines) if line.strip())
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + TOP + LEFT}" role="img">
<title>make demo, and make verify</title>
<style>{style}{frames}</style>
<rect width="100%" height="100%" rx="10"/>
<circle cx="20" cy="20" r="6" fill="#ff5f57"/><circle cx="40" cy="20" r="6" fill="#febc2e"/>
<circle cx="60" cy="20" r="6" fill="#28c840"/>
<svg y="{TOP}" width="{width}" height="{height}"><g id="lines">
{texts}
</g><rect id="cover" width="100%" height="100%"/></svg>
</svg>
"""


def _text(number: int, line: str) -> str:
    kind = ' class="asked"' if line.startswith("$") else ' class="step"' if line.startswith("[") else ""
    line = line.replace(" ", "\N{NO-BREAK SPACE}")  # which no viewer takes for one of several to leave out
    pressed = f' textLength="{len(line) * WIDTH}" lengthAdjust="spacingAndGlyphs"' if not line.endswith("0.md") else ""
    return f'<text x="{LEFT}" y="{STEP * number + 14}"{kind}{pressed}>{escape(line, quote=False)}</text>'


if __name__ == "__main__":
    sys.exit(run_command(main))
