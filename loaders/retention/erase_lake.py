"""Rows leave the lake: every file that holds one is written anew without it, and the records say so.

This is the one thing that replaces run records. Killed anywhere, it can be run again: new files come first, then the
record that names them, then the old files go.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import duckdb

from loaders.common.errors import Failure
from loaders.common.telling import said
from loaders.lake import attempts, parquet, run_json, runs
from loaders.lake.run_files import RunFiles
from loaders.lake.store import Lake, segment
from loaders.retention import baseline
from loaders.types.column_type import ColumnType
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse.duckdb_connection import close_off
from loaders.warehouse.duckdb_sql import read_parquet
from loaders.words import row_key
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, File, Run

# Notes of what is being erased: whoever is killed meanwhile finds little or nothing when it is run again.
ERASING = "_erasing/"
ROWS_AT_ONCE = 50_000
# Of rows, by their keys.
Hashes = dict[tuple[str, ...], int]


@dataclass(frozen=True)
class LakeSearch:
    """The lake's files of one table of a schema, and rows in them. folder: for files on their way.

    note: what their erasure is noted as while it lasts; empty: these keys, which it does not name.
    """

    lake: Lake
    schema: str
    keys: Keys
    folder: Path
    note: str = ""

    def count(self) -> tuple[int, int]:
        """(how often the rows occur, in how many files they were looked for)."""
        self._base()
        files = [(file, batch) for _key, run in self._records() for batch in self._batches(run) for file in _all(batch)]
        return sum(len(self._found(*each)) for each in files), len(files)

    def begin(self) -> bool:
        """Note that these rows are being erased; whether that was begun before and not ended."""
        begun = self.is_begun()
        self.lake.create(self._note(), b"")
        return begun

    def is_begun(self) -> bool:
        return any(True for _key in self.lake.keys(self._note()))

    def end(self) -> None:
        self.lake.delete([self._note()])

    def _note(self) -> str:
        """Where it is noted: without the key itself."""
        what = [self.schema, self.keys.table, self.note or self.keys.values]
        digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        return f"{ERASING}{digest}"

    def erase(self) -> int:
        """Take the rows out of every file and record; how many files were written anew."""
        base = self._base()
        self._refuse_unpublished()
        written = 0
        live: Hashes = {}
        for key, run in self._records():
            changed = run
            for batch in self._batches(run):
                without, live = self._without(run, batch, live, base)
                changed = _exchanged(changed, batch, without)
                written += len({*_all(batch)} - {*_all(without)})
            if changed != run:
                self._publish(key, run, changed)
        self._sweep()
        return written

    def _base(self) -> Run | None:
        """The schema's baseline. What a killed prune has begun to remove cannot be searched."""
        base = runs.baseline(self.lake, self.schema)
        mine = [run.run for _key, run in self._records() if run.schema == self.schema]
        if base and min(mine) < base.run:
            raise Failure(
                f"a prune was killed: run {min(mine)} is still there, before the baseline of run {base.run}",
                "run the same prune again; then erase again",
            )
        return base

    def values_of(self, columns: Callable[[Batch], tuple[ColumnType, ...]]) -> set[tuple[str, ...]]:
        """What the rows have, in any file, in the columns that are wanted of a batch, as keys are written."""
        found: set[tuple[str, ...]] = set()
        for _key, run in self._records():
            for batch in self._batches(run):
                if {*self.keys.names} <= {column.name for column in batch.columns} and columns(batch):
                    wanted = columns(batch)
                    found |= {values for file in batch.files for values, _hash in self._found(file, batch, wanted)}
        return found

    def every(self, names: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
        """What all rows of any file have in the keys' columns, and then in these, as keys are written."""
        for _key, run in self._records():
            for batch in self._batches(run):
                types = {column.name: column for column in batch.columns}
                if {*self.keys.names, *names} <= types.keys():
                    columns = (*self.keys.columns, *(types[name] for name in names))
                    in_all = {*self.keys.names, *names} <= {*batch.primary_key}
                    for file in _all(batch) if in_all else batch.files:
                        yield from self._printed(file, batch, columns)

    def _printed(self, file: File, batch: Batch, columns: tuple[ColumnType, ...]) -> Iterator[tuple[object, ...]]:
        printed = ", ".join(map(row_key.printed, columns))
        with self._at_hand(file, batch) as path, closing(self.session()) as session:
            found = session.execute(f"select {printed} from {read_parquet([path])}")
            while rows := found.fetchmany(ROWS_AT_ONCE):
                yield from rows

    def _without(self, run: Run, batch: Batch, before: Hashes, base: Run | None) -> tuple[Batch, Hashes]:
        """The batch without the rows, and those of them that are live after it. before: those that were before it."""
        self._refuse_another_key(run, batch)
        found = {file: self._found(file, batch) for file in _all(batch)}
        stands_for_it = base is not None and run.run == base.run and batch.mode != "full"
        gone = set() if stands_for_it else {key for file in batch.deleted for key, _hash in found[file]}
        stayed = {} if batch.mode == "full" else {key: each for key, each in before.items() if key not in gone}
        live = stayed | dict(pair for file in batch.files for pair in found[file])
        new = {file: self._written(file, batch) if rows else (file,) for file, rows in found.items()}
        files = tuple(chain.from_iterable(new[file] for file in batch.files))
        deleted = tuple(chain.from_iterable(new[file] for file in batch.deleted))
        less = replace(batch, files=files, deleted=deleted, rows=sum(file.rows for file in files))
        if batch.live_rows is None:
            return less, live
        hash_sum = None if batch.hash_sum is None else batch.hash_sum - sum(live.values())
        return replace(less, live_rows=batch.live_rows - len(live), hash_sum=hash_sum), live

    def _refuse_another_key(self, run: Run, batch: Batch) -> None:
        if batch.primary_key != self.keys.names:
            raise Failure(
                f"run {run.run} read {batch.table} by another key, {list(batch.primary_key)}: it cannot be searched",
                "`python -m loaders prune --keep-days 0` removes such runs; then erase again",
            )

    def batches(self) -> Iterator[tuple[Run, Batch]]:
        """The table's, of the schema's baselines and runs, oldest first."""
        self._base()
        for _key, run in self._records():
            for batch in self._batches(run):
                self._refuse_another_key(run, batch)
                yield run, batch

    def put_files(self, session: duckdb.DuckDBPyConnection, table: str, files: Sequence[File], batch: Batch) -> None:
        """Add the keys of all rows of some of a batch's files to a table of the session."""
        for file in files:
            self.put_keys(session, table, self._local(file, batch))

    def put_keys(self, session: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
        columns = ", ".join(map(row_key.printed, self.keys.columns))
        session.execute(f"insert into {table} select {columns} from {read_parquet([path])}")
        self._drop(path)

    def _records(self) -> Iterator[tuple[str, Run]]:
        """(key, record) of the schema's baselines and runs, oldest first."""
        for number in runs.baseline_numbers(self.lake):
            yield run_json.baseline_key(number), runs.read_baseline(self.lake, number)
        for number in runs.numbers(self.lake):
            yield run_json.key_of(number), runs.read(self.lake, number)

    def _batches(self, run: Run) -> list[Batch]:
        return [batch for batch in run.batches if run.schema == self.schema and batch.table == self.keys.table]

    def _found(
        self, file: File, batch: Batch, columns: tuple[ColumnType, ...] = ()
    ) -> list[tuple[tuple[str, ...], int]]:
        """(key, or those columns, and hash) of those of the rows that are in a file; without a hash 0."""
        with self._at_hand(file, batch) as path:
            return self.looked_up(path, columns)

    @contextmanager
    def _at_hand(self, file: File, batch: Batch) -> Iterator[Path]:
        """A file while it is searched."""
        path = self._local(file, batch)
        try:
            yield path
        except duckdb.Error as error:
            raise Failure(
                f"{file.key} cannot be searched: {said(str(error).splitlines()[0])}", "is it Parquet?"
            ) from None
        finally:
            self._drop(path)

    def _local(self, file: File, batch: Batch) -> Path:
        columns = batch.key_columns if file in batch.deleted else batch.columns
        return RunFiles(self.lake, self.folder).local(file, columns)

    def looked_up(self, path: Path, columns: tuple[ColumnType, ...] = ()) -> list[tuple[tuple[str, ...], int]]:
        with closing(self.session()) as session:
            names = {row[0] for row in session.execute(f"describe from {read_parquet([path])}").fetchall()}
            printed = ", ".join(map(row_key.printed, columns or self.keys.columns))
            wanted = f"select {SOURCE_HASH if SOURCE_HASH in names else 0}, {printed} from {read_parquet([path])}"
            found = session.execute(f"{wanted} where {row_key.any_in_duckdb(self.keys)}").fetchall()
            return [(tuple(key), each) for each, *key in found]

    def _written(self, file: File, batch: Batch) -> tuple[File, ...]:
        """What a file holds besides the rows, in the lake under a name of its own; nothing if that is nothing."""
        path = self._local(file, batch)
        others = f"not {row_key.any_in_duckdb(self.keys)}"
        with closing(self.session()) as session:
            kept = session.execute(f"from {read_parquet([path])} where {others}").to_arrow_reader(ROWS_AT_ONCE)
            name = self.folder / f"erased-{secrets.token_hex(4)}"
            local_files = list(parquet.write(kept, kept.schema, name, self.lake.codec))
        self._drop(path)
        return tuple(self._uploaded(file.key.rpartition("/")[0], local) for local in local_files)

    def _uploaded(self, folder: str, local: parquet.LocalFile) -> File:
        key = f"{folder}/{local.path.name}"
        self.lake.put_file(key, local.path, local.sha256)
        local.path.unlink(missing_ok=True)
        return File(key, local.rows, local.bytes, local.sha256)

    def _publish(self, key: str, old: Run, new: Run) -> None:
        """The record; then the files that no record names any more go."""
        self.lake.replace(key, runs.readable(self.lake, new, key))
        kept = {file.key for batch in self._batches(new) for file in _all(batch)}
        self.lake.delete([f.key for batch in self._batches(old) for f in _all(batch) if f.key not in kept])

    def _unnamed(self) -> list[str]:
        """Files of the table that no record names: of killed runs, of runs under way, of a killed erase."""
        named = {file.key for _key, run in self._records() for batch in run.batches for file in _all(batch)}
        keys = self.lake.keys(f"{segment(self.keys.table)}/")
        return [key for key in keys if key.endswith(".parquet") and key not in named]

    def _under_way(self, key: str) -> bool:
        """Whether the attempt that the file belongs to may still be published."""
        attempt = key.split("/")[1]
        if attempt.startswith(baseline.PREFIX):
            number, published = attempts.number(attempt, baseline.PREFIX), runs.baseline_numbers(self.lake)
        else:
            number, published = attempts.number(attempt), runs.numbers(self.lake)
        return number is not None and number > max(published, default=0)

    def _refuse_unpublished(self) -> None:
        for key in self._unnamed():
            if not self._under_way(key):
                continue
            path = self.lake.fetch(key, self.folder)
            if self.looked_up(path):
                raise Failure(
                    f"{key} holds the row, and belongs to a run or a prune that is under way or was killed",
                    "let it end; after a killed one run `make extract` twice, or the same prune; then erase again",
                )
            self._drop(path)

    def _sweep(self) -> None:
        self.lake.delete([key for key in self._unnamed() if not self._under_way(key)])

    def session(self, file: str = "") -> duckdb.DuckDBPyConnection:
        """Every row is read: what a file's statistics say of it is not believed.

        file: in the folder, for what may be too much for the memory.
        """
        session = duckdb.connect(self.folder / file if file else ":memory:")
        session.execute("set TimeZone = 'UTC'")
        session.execute("set disabled_optimizers = 'filter_pushdown, join_filter_pushdown, statistics_propagation'")
        close_off(session, [self.lake.on_this_machine, self.folder])
        return session

    def _drop(self, path: Path) -> None:
        """Remove a fetched copy; the lake's own file stays."""
        if path.parent == self.folder:
            path.unlink(missing_ok=True)


def _all(batch: Batch) -> tuple[File, ...]:
    return (*batch.files, *batch.deleted)


def _exchanged(run: Run, old: Batch, new: Batch) -> Run:
    return replace(run, batches=tuple(new if batch == old else batch for batch in run.batches))
