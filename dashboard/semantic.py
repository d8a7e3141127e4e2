"""Metrics asked for by name: MetricFlow, which comes with dbt, makes the SQL of dbt's semantic manifest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest, OutputColumnOrderMode
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow.sql.render.redshift import RedshiftSqlPlanRenderer
from metricflow_semantics.errors.error_classes import InvalidQueryException
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from loaders.common.errors import Failure

LIST = "run `make metrics`, which lists all metrics and what they go by"


class _Duckdb:
    """All that MetricFlow asks of a connection to make SQL for it."""

    sql_engine_type, sql_plan_renderer = SqlEngine.DUCKDB, DuckDbSqlPlanRenderer()


class _Redshift:
    sql_engine_type, sql_plan_renderer = SqlEngine.REDSHIFT, RedshiftSqlPlanRenderer()


class Metrics:
    """What dbt knows of metrics. kind: the warehouse's, duckdb or redshift."""

    def __init__(self, manifest: Path, kind: str):
        try:
            text = manifest.read_text(encoding="utf-8")
        except OSError as error:
            raise Failure(f"{manifest} cannot be read ({error.strerror})", "run `make metrics`") from None
        known = parse_manifest_from_dbt_generated_manifest(text)
        if not known.metrics:
            raise Failure("this dbt project has no metrics", "define some in the YAML of a mart of yours")
        self._engine = MetricFlowEngine(SemanticManifestLookup(known), {"duckdb": _Duckdb, "redshift": _Redshift}[kind])

    def listed(self) -> Iterator[str]:
        """Every metric with its meaning, below the dimensions that it goes by."""
        dimensions: dict[str, list[str]] = {}
        for metric in self._engine.list_metrics():
            goes_by = ", ".join(sorted(each.dunder_name for each in metric.dimensions))
            dimensions.setdefault(goes_by, []).append(f"  {metric.name:22} {metric.description}")
        for goes_by, metrics in dimensions.items():
            yield from (f"by {goes_by}:", *metrics)

    def sql(self, metrics: Sequence[str], by: Sequence[str] = (), where: Sequence[str] = ()) -> str:
        """Dimensions and metrics, as they are asked for, in the dimensions' order.

        where: conditions, in MetricFlow's words: `{{ Dimension('order__country') }} = 'Korea'`.
        """
        request = MetricFlowQueryRequest.create(
            metric_names=metrics, group_by_names=by or None, order_by_names=by or None, where_constraints=where or None,
            output_column_order_mode=OutputColumnOrderMode.INPUT_ORDER,
        )  # fmt: skip
        try:
            return self._engine.explain(request).sql_statement.without_descriptions.sql
        except InvalidQueryException as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise Failure("MetricFlow does not understand the question", LIST, lines[1:20]) from None
