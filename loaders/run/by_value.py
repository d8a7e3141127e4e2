"""Each run compares a share of every table by value: read in the run's snapshot, compared in the load's transaction.

Everything else that a run proves, it proves by `_source_hash`, which raw was handed and does not compute: a fault on
the way that changes a value leaves the hash as it was. docs/proof.md tells what each verdict proves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from loaders.common.errors import Failure
from loaders.common.quoting import sql_name
from loaders.lake import parquet
from loaders.proof.deep import DeepTable, Printed
from loaders.proof.share import Share, parts_of
from loaders.run.options import Taken
from loaders.run.table_read import TableRead
from loaders.warehouse.interface import Warehouse
from loaders.words.differences import Differences
from loaders.words.run_record import Batch, Run, Turns


def put_aside(reads: Sequence[TableRead], batches: Sequence[Batch], bases: Mapping[str, Batch]) -> tuple[Batch, ...]:
    """Put the next share of each table aside; the batches, saying so. bases: each table's newest batch so far."""
    known = {table: base.by_value for table, base in bases.items()}
    return tuple(_compared(read, batch, known.get(batch.table)) for read, batch in zip(reads, batches, strict=True))


def prove(taken: Iterable[Taken], warehouse: Warehouse, run: Run, elsewhere: Mapping[str, str]) -> None:
    """Raw as it is, in the transaction that has applied the run, against what was put aside.

    elsewhere: names of tables that take a table of raw's place before the transaction ends.
    """
    for each in taken:
        table = each.share.table
        name = table.source.name
        raw = sql_name(warehouse.schema, elsewhere.get(name, name))
        found = table.compare(_printed(each.file), each.share.stored(warehouse, raw))
        if found:
            raise _failure(name, found, warehouse, run)


def _compared(read: TableRead, batch: Batch, earlier: Turns | None) -> Batch:
    """earlier: what was compared by value before this run.

    A batch that is not compared with raw by hash is not compared by value either, nor is a table that is not read.
    Of one that is compared in part another part may differ: its turns are the same.
    """
    parts = read.run.options.value_parts
    if earlier and batch.mode == "full":
        # What was compared is not in raw any more; the turns go on.
        earlier = replace(earlier, compared=(None,) * len(earlier.compared))
    if batch.live_rows is None or batch.untouched or not parts or not read.source.held_still:
        return replace(batch, by_value=earlier)
    if batch.by_hash:
        share = Share(printed(read), len(batch.by_hash.compared), batch.by_hash.part)
        _part, compared = next_part(earlier, share.way, share.parts)
    else:
        share, compared = next_share(read, batch.live_rows, earlier, parts)
    rows = _put_aside(share, read, batch.live_rows)
    compared[share.part] = read.run.snapshot.taken_at.isoformat(sep=" ")
    said = "all by value" if share.parts == 1 else f"part {share.part + 1} of {share.parts} by value"
    head, mark, more = batch.verdict.partition(";")
    by_value = Turns(share.way, share.part, rows, tuple(compared))
    return replace(batch, by_value=by_value, verdict=f"{head}, {said}{mark}{more}")


def _put_aside(share: Share, read: TableRead, table_rows: int) -> int:
    places = read.run.places
    rows, file = 0, places.spool / f"by-value-{len(places.taken)}.arrow"
    schema = pa.schema([(str(place), pa.binary()) for place in range(len(share.table.columns))])
    batches = share.at_source(read.run.snapshot, table_rows)
    shown = read.run.progress(f"reading {read.source.name} by value", table_rows // share.parts, batches)
    with parquet.explained(file), pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, schema) as stream:
        for batch in shown:
            stream.write_batch(batch)
            rows += batch.num_rows
    places.taken.append(Taken(share, file))
    return rows


def _printed(path: Path) -> Printed:
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def next_share(read: TableRead, rows: int, earlier: Turns | None, parts: int) -> tuple[Share, list[str | None]]:
    """The share whose turn it is of a table of so many rows, and per part the moment of its newest comparison."""
    table = printed(read)
    parts = parts_of(table, rows, parts)
    part, compared = next_part(earlier, Share(table, parts, 0).way, parts)
    return Share(table, parts, part), compared


def next_part(earlier: Turns | None, way: str, parts: int) -> tuple[int, list[str | None]]:
    """The part whose turn it is, and per part the moment of its newest comparison.

    Parts of another division begin anew; they are as old as the oldest of the earlier ones.
    """
    if earlier and (earlier.way, len(earlier.compared)) == (way, parts):
        return (earlier.part + 1) % parts, list(earlier.compared)
    return 0, [earlier.whole_since if earlier else None] * parts


def printed(read: TableRead) -> DeepTable:
    """The table as both ends print it."""
    return DeepTable(read.source, read.columns, read.table.primary_key, read.nulled)


def _failure(table: str, found: Differences, warehouse: Warehouse, run: Run) -> Failure:
    problem = f"{table} in raw is not what it is at the source: of {found.rows:,} rows compared by value"
    listed = list(found.lines())
    if found.brought_by == {run.run}:
        return Failure(
            problem,
            f"these rows came with this run, so that values change on their way into {warehouse}: report it with this "
            "message. VALUE_PARTS=0 loads without this comparison, and leaves raw as wrong as it says",
            listed,
        )
    older = sorted(found.brought_by - {run.run})
    came = (
        f"raw has held these rows since {'runs' if len(older) > 1 else 'run'} {', '.join(map(str, older))}: "
        if older
        else ""
    )
    return Failure(problem, f"{came}`python -m loaders extract --full --tables {table}` reads the table whole", listed)
