"""What the figures are called, what they mean and how they are added up: dbt's metrics, in the marts' YAML."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MARTS = Path(__file__).parent.parent / "dbt_project/models/marts"
AGGREGATES = {"sum": "sum({})", "count": "count({})", "count_distinct": "count(distinct {})"}


@cache
def defined() -> dict[str, dict[str, Any]]:
    """Every metric by its name, as its mart's YAML has it: those of several others stand beside the model."""
    files = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(MARTS.glob("*.yml")))
    places = [place for content in files for place in (*content.get("models", ()), content)]
    return {metric["name"]: metric for place in places for metric in place.get("metrics", ())}


def sql() -> dict[str, str]:
    """What a query of the mart asks for each metric that is one aggregate: `sum(amount)` for revenue."""
    simple = {name: metric for name, metric in defined().items() if metric["type"] == "simple"}
    return {name: AGGREGATES[metric["agg"]].format(metric["expr"]) for name, metric in simple.items()}


def words() -> str:
    """Each metric's name and meaning, by language, as JSON that can stand in a script."""
    # One that nobody has translated yet is called in Korean as it is in English.
    korean = {name: metric.get("config", {}).get("meta", {}).get("ko", metric) for name, metric in defined().items()}
    told = {"en": defined(), "ko": korean}
    chosen = {
        language: {name: {part: texts[part] for part in ("label", "description")} for name, texts in metrics.items()}
        for language, metrics in told.items()
    }
    return json.dumps(chosen, ensure_ascii=False).replace("<", "\\u003c")
