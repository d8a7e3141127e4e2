"""A raw table in Redshift whose columns change: widened in place, or filled as a new table that takes its name.

Redshift widens a VARCHAR only, and only outside a transaction. All else goes through a new table, made inside the
load's transaction and renamed at its end, after all comparing: until then readers see the old one, and do not wait.
From then to the COMMIT they wait, since DROP and RENAME lock the table
(docs.aws.amazon.com/redshift/latest/dg/r_LOCK.html), and the load waits for who is reading; who has waited may be told
that the table was dropped, and finds the new one at another try.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from redshift_connector.error import Error as RedshiftError

from loaders.common.quoting import sql_name
from loaders.warehouse import dropped_columns, raw_sql, redshift_sql
from loaders.warehouse.redshift_session import RedshiftSession
from loaders.words.run_record import Batch, Run


def staging(number: int) -> str:
    """The temporary table to which COPY brings a run's batch of this number."""
    return f"staged_{number}"


@dataclass(frozen=True)
class Place:
    """Where a batch's rows go: `into` bears the name of raw's table, or of the new one. number: the batch's in its run.

    keeps: whether values of dropped columns move from raw's rows to those that take their place.
    """

    into: Batch
    number: int
    keeps: bool

    @property
    def staging(self) -> str:
        return staging(self.number)

    @property
    def gone(self) -> str:
        return f"gone_{self.number}"

    @property
    def aside(self) -> str | None:
        return f"aside_{self.number}" if self.keeps else None


@dataclass(frozen=True)
class Reshaping:
    """columns: a table's types by its columns' names."""

    schema: str
    session: RedshiftSession
    columns: Callable[[str, str], Mapping[str, str]]

    def widen_in_place(self, run: Run) -> None:
        """Before the transaction: make VARCHARs of tables that are not read whole as wide as the run needs them.

        A width alone changes no value. What cannot be widened so (some encodings cannot) is copied by `place`.
        """
        for batch in run.batches:
            if batch.mode == "full" or not batch.widened:
                continue
            found = self.columns(self.schema, batch.table)
            for column in batch.columns:
                if redshift_sql.is_narrower_varchar(found.get(column.name.lower(), ""), column):
                    with suppress(RedshiftError):
                        self.session.run(redshift_sql.widen_varchar(self.schema, batch, column))

    def place(self, batch: Batch, number: int) -> Place:
        """The table to fill: raw's own if it has the batch's columns, made where absent; else a new one."""
        found = self.columns(self.schema, batch.table)
        keeps = dropped_columns.any_values(batch, found)
        if not found or (_fits(batch, found) and not (keeps and batch.mode == "full")):
            self.session.run(redshift_sql.create_table(self.schema, batch))
            if batch.mode == "full":
                self.session.run(redshift_sql.clear(self.schema, batch))
            return Place(batch, number, keeps)
        into = replace(batch, table=f"_order_he_new_{number}")
        self.session.run(redshift_sql.create_table(self.schema, into))
        rights = self.session.rows(redshift_sql.granted(self.schema, batch.table))
        for grant in redshift_sql.grants(self.schema, into, rights):
            self.session.run(grant)
        if batch.mode != "full":
            self.session.run(redshift_sql.copy_rows(self.schema, batch, into))
        return Place(into, number, keeps)

    def put_aside(self, batch: Batch, place: Place) -> None:
        """Keep the dropped columns' values of the rows whose keys are staged."""
        if place.aside:
            target, changed = sql_name(self.schema, batch.table), f"select * from {place.staging}"
            self.session.run(dropped_columns.put_aside(place.aside, target, batch, changed, redshift_sql.DIALECT))

    def take_place(self, batch: Batch, place: Place) -> None:
        """Let a new table take the name of the old one."""
        if place.into.table != batch.table:
            self.session.run(f"drop table {sql_name(self.schema, batch.table)}")
            self.session.run(redshift_sql.rename(self.schema, place.into, batch))


def _fits(batch: Batch, found: Mapping[str, str]) -> bool:
    """How Redshift lists a VARBYTE's width is not documented, so one that has to be wider counts as too narrow."""
    bytes_widened = any(c.redshift.startswith("VARBYTE") for c in batch.columns if c.name in batch.widened)
    return raw_sql.is_declared_so(batch, found, redshift_sql.DIALECT) and not bytes_widened
