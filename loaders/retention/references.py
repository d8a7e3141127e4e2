"""Rows that refer to others by a foreign key of the source: of the same person, with texts of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loaders.common.errors import Failure
from loaders.lake.store import Lake
from loaders.proof import raw_state
from loaders.retention import spellings
from loaders.retention.erase_lake import LakeSearch
from loaders.retention.spellings import Spelled
from loaders.source.described import ForeignKey
from loaders.source.mysql import Snapshot
from loaders.types.column_type import ColumnType, by_key
from loaders.types.pseudonym import Pseudonym
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch


@dataclass(frozen=True)
class Referring:
    """What is looked through. newest: the newest batch of each table of the schema; folder: for files on their way.

    pseudonym: what makes those of columns that refer to a key, and hide it.
    """

    snapshot: Snapshot
    lake: Lake
    warehouse: Warehouse
    newest: Mapping[str, Batch]
    folder: Path
    pseudonym: Pseudonym | None = None

    def to(self, keys: Keys) -> Iterator[tuple[str, Keys]]:
        """(by which columns, keys of the rows that refer to these), of each foreign key by which any do.

        As the lake's files and raw have them: at the source they are gone, or refer to somebody else.
        """
        for each in self.snapshot.foreign_keys(keys.table):
            batch = self.newest.get(each.table)
            if batch and _followed(batch, each, keys):
                found = self._rows(batch, self._as_referred(batch, keys, each))
                if found.values:
                    yield ", ".join(each.columns), found

    def alike(self, going: Sequence[Keys]) -> list[Spelled]:
        """Rows that stay, and bear a key of those that go, or refer to one, in another spelling: each once."""
        known = {keys.table: {*keys.values} for keys in going}
        found = []
        for each in (spelled for keys in going for spelled in self._alike(keys)):
            there = known.setdefault(each.rows.table, set())
            left = tuple(key for key in each.rows.values if key not in there)
            there |= {*left}
            found += [replace(each, rows=replace(each.rows, values=left))] * bool(left)
        return found

    def _alike(self, keys: Keys) -> Iterator[Spelled]:
        yield Spelled(self._spelled(keys, self.newest[keys.table].key_columns), keys, "key")
        for each in self.snapshot.foreign_keys(keys.table):
            batch = self.newest.get(each.table)
            if batch and _followed(batch, each, keys):
                wanted = self._as_referred(batch, keys, each)
                yield Spelled(self._spelled(wanted, batch.key_columns), keys, ", ".join(each.columns))

    def _spelled(self, wanted: Keys, columns: tuple[ColumnType, ...]) -> Keys:
        search = LakeSearch(self.lake, self.warehouse.schema, wanted, self.folder)
        return spellings.keys_of(search, self.warehouse, columns)

    def unfollowed(self, keys: Keys) -> list[str]:
        """Foreign keys that refer to the table, and cannot be followed."""
        return [
            f"{each.table} by {', '.join(each.columns)}"
            for each in self.snapshot.foreign_keys(keys.table)
            if each.table in self.newest and not _followed(self.newest[each.table], each, keys)
        ]

    def all_to(self, first: Keys) -> list[Keys]:
        """These, and what refers to them, and what refers to that, of each table once."""
        found = {first.table: first}
        waiting = [first]
        while waiting:
            for _columns, rows in self.to(waiting.pop()):
                known = found.get(rows.table, replace(rows, values=()))
                new = tuple(dict.fromkeys(key for key in rows.values if key not in set(known.values)))
                if new:
                    found[rows.table] = replace(rows, values=known.values + new)
                    waiting.append(replace(rows, values=new))
        return list(found.values())

    def _rows(self, batch: Batch, wanted: Keys) -> Keys:
        """The keys of the batch's table where its foreign key is one of the wanted."""
        search = LakeSearch(self.lake, self.warehouse.schema, wanted, self.folder)

        def columns(there: Batch) -> tuple[ColumnType, ...]:
            self._refuse_another_pseudonym(there, wanted)
            return batch.key_columns

        found = search.values_of(columns)
        if self.warehouse.occurrences(wanted, self.warehouse.schema, batch.table):
            found |= set(row_key.of(batch, raw_state.of_keys(self.warehouse, wanted, batch.key_columns)).values)
        return Keys(batch.table, batch.key_columns, tuple(sorted(found)))

    def _as_referred(self, batch: Batch, keys: Keys, link: ForeignKey) -> Keys:
        """The keys as the batch's table has them: under the names, and of the types, of its foreign key."""
        types = {column.name: column for column in batch.columns}
        columns = tuple(types[link.columns[link.referred.index(name)]] for name in keys.names)
        wanted = Keys(batch.table, columns, keys.values)
        if not any(map(by_key, columns)):
            return wanted
        self._refuse_another_pseudonym(batch, wanted)
        return replace(wanted, values=(*wanted.values, *(self._hidden(columns, key) for key in wanted.values)))

    def _hidden(self, columns: tuple[ColumnType, ...], key: tuple[str, ...]) -> tuple[str, ...]:
        """As files have the key since the columns are pseudonymised; those from before have it as it is."""
        hide = self.pseudonym.of_text if self.pseudonym else str
        return tuple(hide(text) if by_key(column) else text for column, text in zip(columns, key, strict=True))

    def _refuse_another_pseudonym(self, batch: Batch, wanted: Keys) -> None:
        ours = {"", self.pseudonym.name if self.pseudonym else ""}
        for column in batch.columns:
            if column.name in wanted.names and by_key(column) not in ours:
                raise Failure(
                    f"{batch.table}.{column.name} has pseudonyms by key {by_key(column)}, in raw or in older runs of "
                    "the lake, and PSEUDONYM_KEY is not that key: rows that refer to the erased one cannot be found",
                    "set PSEUDONYM_KEY to that key, and erase again. If the key changed since: `extract --full` with "
                    "the new one, then `prune --keep-days 0`",
                )


def _followed(batch: Batch, link: ForeignKey, keys: Keys) -> bool:
    """Whether the foreign key refers to the whole primary key, from a table whose rows can be named."""
    known = {*link.columns} <= {column.name for column in batch.columns}
    return known and bool(batch.primary_key) and sorted(link.referred) == sorted(keys.names)
