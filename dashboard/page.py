"""The dashboard as one HTML file: no other file, no request, no script but the two whose hashes its policy names."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dashboard import cubes, metrics, packing
from dashboard.layout import Layout
from dashboard.warehouse import Warehouse
from loaders.common.errors import Failure

HERE = Path(__file__).parent
LIBRARY = HERE / "vendor/echarts.common.min.js"
# In the order in which they build on each other.
SCRIPTS = (
    "words", "numbers", "data", "calendar", "state", "figures", "sql", "tiles", "charts", "tables", "retention",
    "orders", "rows_dialog", "filters", "trust", "main",
)  # fmt: skip
STYLES = ("page", "tiles", "print")


def html(warehouse: Warehouse, facts: Mapping[str, Any]) -> str:
    """The page over the warehouse's order mart.

    facts: what trust.py found, when the page was written, and what was promised.
    """
    mart = warehouse.mart("order_mart")
    if not warehouse.has(warehouse.schema, "order_mart"):
        raise Failure(
            f"the warehouse has no {mart}, of which the page is made",
            "run `make build` first; of marts of your own there is no page: `make export` writes files, see docs/bi.md",
        )
    shown = queries(warehouse.kind, mart, facts["onTimeDays"])
    shown["orders"] = _filled(HERE / "orders.sql", {"{mart}": mart})
    header = {**facts, "queries": shown, "engine": warehouse.kind, "mart": mart, "mostOrders": cubes.MOST_ORDERS}
    return assembled(Layout(cubes.read(warehouse.ask, mart)).text(header))


def promises(project: Path) -> dict[str, int]:
    """In how many calendar days a delivery was promised, and a month's revenue (0: it was not): dbt's own variables."""
    variables = yaml.safe_load(project.read_text(encoding="utf-8")).get("vars") or {}
    target = variables.get("monthly_revenue_target", 0)
    if type(target) is not int or target < 0:
        raise Failure(
            f"monthly_revenue_target is {target!r}, which is no whole amount of money", f"write a number into {project}"
        )
    return {"onTimeDays": int(variables.get("promised_delivery_days", 5)), "monthlyTarget": target}


def queries(kind: str, mart: str, on_time_days: int) -> dict[str, str]:
    """Each tile's SQL by the tile's name, in the warehouse's dialect; the page puts the chosen filters into it."""
    values = {"{mart}": mart, "{on_time_days}": str(on_time_days)}
    values |= {f"{{{name}}}": aggregate for name, aggregate in metrics.sql().items()}
    if kind == "redshift":
        values["//"] = "/"  # whole numbers divide to whole numbers there
    return {file.stem: _filled(file, values) for file in sorted((HERE / "queries").glob("*.sql"))}


def _filled(file: Path, values: Mapping[str, str]) -> str:
    text = file.read_text(encoding="utf-8")
    for there, here in values.items():
        text = text.replace(there, here)
    return text


def assembled(data: str) -> str:
    """Template, styles, scripts and packed data as one document."""
    script = "\n".join((HERE / f"web/{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\nconst METRICS = {metrics.words()};\n{script}'
    library = LIBRARY.read_text(encoding="utf-8")
    parts = {
        "policy": (
            f"default-src 'none'; script-src {script_hash(script)} {script_hash(library)}; style-src 'unsafe-inline'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "style": "\n".join((HERE / f"web/{name}.css").read_text(encoding="utf-8") for name in STYLES),
        "library": packing.deflated(library.encode()),
        "data": data,
        "script": script,
    }
    document = (HERE / "web/template.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        document = document.replace(f"<!--{name}-->", text)
    return document


def write(document: str, file: Path) -> int:
    """Put the page where it shall be, whole or not at all; its size in bytes."""
    content = document.encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_name(f".page-{secrets.token_hex(8)}")
        with written.open("xb") as stream:
            stream.write(content)
        written.replace(file)
    except OSError as error:
        raise Failure(f"{file} cannot be written ({error.strerror})", "choose another file by --out") from None
    return len(content)


def script_hash(script: str) -> str:
    """What a policy allows a script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
