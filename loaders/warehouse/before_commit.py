"""What must be true inside a warehouse's transaction before it commits, on every warehouse alike."""

from loaders.common.errors import Failure
from loaders.words.run_record import Batch, Run


def arrived(schema: str, run: Run, batch: Batch, rows: int) -> None:
    """As many rows came out of the lake's files as were published."""
    if rows != batch.rows:
        raise Failure(
            f"{schema}.{batch.table}: run {run.run} published {batch.rows:,} rows, {rows:,} arrived",
            "the lake's files do not match their record; restore them from a backup. raw is unchanged",
        )


def equal(schema: str, run: Run, batch: Batch, rows: int, hash_sum: int) -> None:
    """Raw's live rows, with the batch applied, are those that the run found at the source."""
    if (rows, hash_sum) != (batch.live_rows, batch.hash_sum):
        others = ", or others" if rows == batch.live_rows else ""
        raise Failure(
            f"{schema}.{batch.table} would not equal the source of run {run.run}: {rows:,} rows where the source had "
            f"{batch.live_rows:,}{others}",
            "raw is unchanged; if something else wrote to it, `python -m loaders extract --full --tables "
            f"{batch.table}` reads the table whole, and `python -m loaders replay` builds raw anew from the lake; if "
            "it is `replay` that says this, restore the lake from a backup",
        )
