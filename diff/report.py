"""What differs, told: as text for a terminal, as Markdown for a pull request, as a page with the rows."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from diff.compare import KINDS, Difference, Row
from diff.metrics import Metric

# GitHub takes a comment of 65,536 characters.
MOST = 60_000
ROWS_IN_TEXT = 5
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem;font-size:14px}h2{margin-top:2.5rem}"
    "td,th{border:1px solid #c5ced6;padding:.2rem .6rem;text-align:left;vertical-align:top}"
    ".added td{background:#e6f6e9}.removed td{background:#fcebeb}del{color:#a02020}"
    "ins{color:#116329;text-decoration:none}"
    "div{overflow-x:auto}"
)


@dataclass(frozen=True)
class Report:
    """base, branch: what was compared, in words; raw: of which run; untouched: how many models are as before."""

    base: str
    branch: str
    raw: str
    differences: list[Difference]
    metrics: list[Metric]
    untouched: int

    @property
    def identical(self) -> list[str]:
        return [each.model.name for each in self.differences if each.is_identical]

    @property
    def different(self) -> list[Difference]:
        return [each for each in self.differences if not each.is_identical]

    @property
    def head(self) -> str:
        metrics = sum(not each.is_equal for each in self.metrics)
        found = [_counted(many, what) for many, what in ((len(self.different), "model"), (metrics, "metric")) if many]
        what = " and ".join(found) or "nothing differs"
        return f"{what} between {self.base} and {self.branch}, both built of {self.raw}"

    def figures(self, say: Callable[[str], str]) -> Iterator[str]:
        """Lines about the metrics, those that differ one by one. say: how a name or value is written."""
        for each in self.metrics:
            if not each.is_equal:
                yield f"{say(each.name)}: {' -> '.join(map(say, each.values))}"
        equal = [say(each.name) for each in self.metrics if each.is_equal]
        if equal:
            yield f"as before: {', '.join(equal)}"

    def last(self) -> Iterator[str]:
        if self.identical:
            yield f"built and identical: {', '.join(self.identical)}"
        if self.untouched:
            yield f"not built, for neither they nor what they read changed: {self.untouched} models"


def text(report: Report) -> Iterator[str]:
    """Lines for a terminal."""
    yield report.head
    for each in report.different:
        yield ""
        yield f"{each.model.name}: {rows_said(each)}"
        yield from (f"  {line}" for line in facts(each, str))
        for row in first(each.samples, ROWS_IN_TEXT):
            yield f"  {row.kind}: {key_said(each, row, str)}" + (
                f": {cells_said(row, str)}" if row.kind == "changed" else ""
            )
    if report.metrics:
        yield from ("", "metrics:", *(f"  {line}" for line in report.figures(str)))
    yield ""
    yield from report.last()


def first(samples: list[Row], many: int) -> Iterator[Row]:
    for kind in KINDS:
        yield from [row for row in samples if row.kind == kind][:many]


def _counted(many: int, what: str) -> str:
    return f"{many} {what} differs" if many == 1 else f"{many} {what}s differ"


def rows_said(each: Difference) -> str:
    """In one clause what happened to the rows."""
    before, after = each.rows
    if each.not_compared:
        return f"not compared: {each.not_compared}"
    if before is None:
        return f"new, {after:,} rows"
    if after is None:
        return f"removed, it had {before:,} rows"
    counts = ", ".join(f"{count:,} {kind}" for kind, count in each.counts.items() if count) or "none differs"
    by = f"by {', '.join(each.key)}" if each.key else "as whole rows"
    return f"{before:,} rows before, {after:,} after; {counts} ({by})"


def facts(each: Difference, say: Callable[[str], str]) -> Iterator[str]:
    """Lines about columns and figures. say: how a name or value is written."""
    for what, columns in (("added", each.added_columns), ("removed", each.removed_columns)):
        if columns:
            yield f"columns {what}: " + ", ".join(say(f"{name} {kind.lower()}") for name, kind in columns.items())
    for name, (old, new) in each.retyped.items():
        yield f"column retyped: {say(name)}, {say(old.lower())} -> {say(new.lower())}; compared as text"
    for name, count in sorted(each.columns.items(), key=lambda found: (-found[1], found[0])):
        yield f"{say(name)} differs in {share(count, each.both)} of the rows in both ({count:,} of {each.both:,})"
    for name, (old, new) in each.figures.items():
        yield f"sum of {say(name)}: {say(_figure(old))} -> {say(_figure(new))}"
    yield from map(say, each.notes)


def share(count: int, of: int) -> str:
    """A part as a percentage that is never 0 % or 100 % of a part."""
    percent = f"{100 * count / of:.1f}"
    if count < of and percent == "100.0":
        return "nearly 100 %"
    return "less than 0.1 %" if percent == "0.0" else f"{percent} %"


def _figure(value: object) -> str:
    return "NULL" if value is None else f"{value:,}"


def key_said(each: Difference, row: Row, say: Callable[[str], str]) -> str:
    return ", ".join(f"{say(name)} {say(value or '')}" for name, value in zip(each.key, row.key, strict=True))


def cells_said(row: Row, say: Callable[[str], str]) -> str:
    return ", ".join(f"{say(name)} {_cell(old, say)} -> {_cell(new, say)}" for name, (old, new) in row.values.items())


def _cell(value: str | None, say: Callable[[str], str]) -> str:
    """In a line: NULL is no text, and a long text is its beginning."""
    if value is None:
        return "NULL"
    return say(value if len(value) <= 60 else value[:59] + "…")


def escaped(text: str) -> str:
    """A text that Markdown shows as it is: no link, no image, nobody called by name."""
    return re.sub(r"[^\w .,:;()+%/…-]|_", lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def markdown(report: Report, page: str) -> str:
    """For a comment on GitHub. page: where all the rows are."""
    parts = [f"### What this does to the data\n\n{escaped(report.head)}.\n"]
    if report.different:
        parts.append(
            "| model | before | after | added | removed | changed |\n| --- | ---: | ---: | ---: | ---: | ---: |"
        )
        parts += ["\n" + _line(each) for each in report.different]
        parts.append("\n")
    if report.metrics:
        parts += ["\nMetrics:\n\n", *(f"* {line}\n" for line in report.figures(escaped))]
    for each in report.different:
        parts.append(f"\n<details><summary>{escaped(each.model.name)}: {escaped(rows_said(each))}</summary>\n\n")
        parts += [f"* {line}\n" for line in facts(each, escaped)]
        rows = list(first(each.samples, ROWS_IN_TEXT))
        parts += ["\nFirst rows:\n\n"] if rows else []
        for row in rows:
            cells = f": {cells_said(row, escaped)}" if row.kind == "changed" else ""
            parts.append(f"* {row.kind}: {key_said(each, row, escaped)}{cells}\n")
        parts.append("\n</details>\n")
    last = "".join(f"\n{escaped(line)}.\n" for line in report.last())
    return _bounded(parts, f"{last}\n{page}\n" if page else last)


def _bounded(parts: list[str], last: str) -> str:
    """As much as a comment takes; never more, and it says that more is there."""
    whole = ""
    for part in parts:
        if len(whole) + len(part) + len(last[:5_000]) > MOST:
            open_details = whole.count("<details>") - whole.count("</details>")
            whole += "\n\n</details>\n" * open_details + "\nThere is more than a comment takes: see the page.\n"
            break
        whole += part
    return whole + last[:5_000]


def _line(each: Difference) -> str:
    rows = ["" if count is None else f"{count:,}" for count in each.rows]
    counts = [f"{each.counts[kind]:,}" if None not in each.rows else "" for kind in KINDS]
    return f"| {escaped(each.model.name)} | {' | '.join(rows + counts)} |"


def page(report: Report) -> str:
    """One HTML file: no script, no request."""
    body = [f"<h1>What the change does to the data</h1><p>{html.escape(report.head)}.</p>"]
    if report.metrics:
        lines = "".join(f"<li>{line}</li>" for line in report.figures(html.escape))
        body.append(f"<h2>Metrics</h2><ul>{lines}</ul>")
    for each in report.different:
        body.append(f"<h2>{html.escape(each.model.name)}</h2><p>{html.escape(rows_said(each))}</p><ul>")
        body += [f"<li>{line}</li>" for line in facts(each, html.escape)]
        body.append("</ul>")
        for kind in KINDS:
            rows = [row for row in each.samples if row.kind == kind]
            if rows:
                body.append(_table(each, kind, rows))
    body += [f"<p>{html.escape(line)}.</p>" for line in report.last()]
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{policy}"><title>What differs</title><style>{STYLE}</style><body>{"".join(body)}</body></html>'
    )


def _table(each: Difference, kind: str, rows: list[Row]) -> str:
    columns = [name for name in each.types if any(name in row.values for row in rows)]
    header = "".join(f"<th>{html.escape(name)}</th>" for name in (*each.key, *columns))
    lines = []
    for row in rows:
        cells = [html.escape(value or "") for value in row.key]
        cells += [_html_cell(kind, *row.values[name]) if name in row.values else "" for name in columns]
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    many = f"{len(rows):,} of {each.counts[kind]:,} rows {kind}"
    return f'<h3>{many}</h3><div><table class="{kind}"><tr>{header}</tr>{"".join(lines)}</table></div>'


def _html_cell(kind: str, old: str | None, new: str | None) -> str:
    shown = ["NULL" if value is None else html.escape(value) for value in (old, new)]
    if kind == "changed":
        return f"<del>{shown[0]}</del> <ins>{shown[1]}</ins>"
    return shown[kind == "added"]
