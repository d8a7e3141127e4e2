"""The project's metrics, before and after: each side's own definition, by MetricFlow's SQL, over each side's models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard import warehouse
from dashboard.warehouse import Warehouse
from diff.builds import Side
from loaders.common.errors import Failure
from loaders.common.telling import HIDDEN

# What a metric is; its words may change, and where it stands.
DEFINITION = ("type", "type_params", "filter", "time_granularity")


@dataclass(frozen=True)
class Metric:
    """values: before and after, as text; "none" where a side has no such metric, or why it has no value."""

    name: str
    values: tuple[str, str]

    @property
    def is_equal(self) -> bool:
        return self.values[0] == self.values[1]

    def hidden(self) -> "Metric":
        return self if self.is_equal else Metric(self.name, (HIDDEN, HIDDEN))


def redefined(base: Side, branch: Side) -> list[str]:
    """Models that both have, of metrics that are another: dbt does not call those models modified."""
    before, after = (side.manifest.get("metrics", {}) for side in (base, branch))
    both = base.nodes().keys() & branch.nodes().keys()
    others = [name for name in before.keys() | after.keys() if _definition(before, name) != _definition(after, name)]
    return sorted({model for name in others for side in (base, branch) for model in _models(side, name)} & both)


def compared(base: Side, branch: Side, built: list[str], shows_values: bool) -> list[Metric]:
    """The metrics of models that were built for the comparison, in the order of their names; of others none differs."""
    names = {name for side in (base, branch) for name in side.manifest.get("metrics", {})}
    asked = sorted(name for name in names if any(set(built) & _models(side, name) for side in (base, branch)))
    if not asked:
        return []
    with warehouse.opened(base.target) as opened:
        values = [dict(_values(side, asked, built, opened)) for side in (base, branch)]
    found = [Metric(name.rpartition(".")[2], (values[0][name], values[1][name])) for name in asked]
    public = {name for name in asked if shows_values and all(_is_public(side, name) for side in (base, branch))}
    return [metric if name in public else metric.hidden() for name, metric in zip(asked, found, strict=True)]


def _values(side: Side, asked: list[str], built: list[str], opened: Warehouse) -> Iterator[tuple[str, str]]:
    """Each metric over all rows, as this side defines it."""
    known = side.manifest.get("metrics", {})
    if any(name in known for name in asked):
        from dashboard import semantic  # MetricFlow takes a second to import

        metrics = semantic.Metrics(side.state / "semantic_manifest.json", opened.kind)
    for name in asked:
        if name not in known:
            yield name, "none"
        elif unbuilt := sorted(_models(side, name) - set(built)):
            yield name, f"not asked: {unbuilt[0].rpartition('.')[2]} was not built"
        else:
            try:
                ((value,),) = opened.ask(metrics.sql([known[name]["name"]]))
                yield name, "NULL" if value is None else f"{value:,}"
            except Failure as failure:
                yield name, f"not asked: {failure}"


def _definition(known: Mapping[str, Any], name: str) -> list[Any]:
    return [known.get(name, {}).get(part) for part in DEFINITION]


def _models(side: Side, name: str) -> set[str]:
    """The models that a metric is asked of, through metrics and semantic models."""
    manifest = side.manifest
    node = manifest.get("metrics", {}).get(name) or manifest.get("semantic_models", {}).get(name)
    if node is None:
        return {name} & manifest["nodes"].keys()
    return {model for each in node["depends_on"]["nodes"] for model in _models(side, each)}


def _is_public(side: Side, name: str) -> bool:
    nodes = side.nodes()
    return all(nodes[model]["config"].get("access") == "public" for model in _models(side, name))
