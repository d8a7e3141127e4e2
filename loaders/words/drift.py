"""What happened to a table's columns since the newest run that read it, and what a run does about it.

A table's columns are those of its newest batch in the lake; docs/types.md has the rules as a table.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from loaders.common.errors import Exit, Failure
from loaders.types import fingerprint
from loaders.types.column_type import ColumnType, by_key
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.widening import can_hold, printed_alike, same_home
from loaders.words.run_record import Batch

# Room for names in a verdict, which has 512 bytes in all; beyond that it says only that there are some.
VERDICT_BYTES, ANY = 300, "many columns"

# A column as it was and as it is.
Pair = tuple[ColumnType, ColumnType]


@dataclass(frozen=True)
class Drift:
    """Every column of then and now, in one of these; the unchanged in none.

    widened: raw's type has to hold more. redeclared: another type or spelling at the source, the same in raw. changed:
    raw's type could not hold every old value. kept: what the source has no longer and raw still has, the dropped
    among them. excluded: what raw has and the catalog excludes now. moved: the columns that stayed are in another
    order. keys: the primary key then and now. rehashed: raw's hashes are those of another version of the expression,
    and say nothing beside today's.
    """

    table: str
    added: tuple[ColumnType, ...] = ()
    dropped: tuple[ColumnType, ...] = ()
    widened: tuple[Pair, ...] = ()
    redeclared: tuple[Pair, ...] = ()
    changed: tuple[Pair, ...] = ()
    moved: bool = False
    kept: tuple[ColumnType, ...] = ()
    excluded: tuple[ColumnType, ...] = ()
    keys: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    rehashed: bool = False

    @property
    def key_changed(self) -> bool:
        then, now = self.keys
        return [name.lower() for name in then] != [name.lower() for name in now]

    @property
    def whole(self) -> bool:
        """Whether raw's old rows cannot stay as they are: the table has to be read whole."""
        reprinted = any(not printed_alike(*pair) for pair in self.widened + self.redeclared)
        altered = self.added or self.dropped or self.excluded or self.changed or self.moved or self.key_changed
        return bool(altered or reprinted or self.rehashed)

    def refuse(self) -> None:
        """Stop at what raw cannot follow without losing something that somebody may count on."""
        said = [_both(pair) for pair in self.changed]
        said += [f"the catalog excludes column {column.name} now, and raw has it" for column in self.excluded]
        if self.key_changed:
            said.append(f"its primary key was {list(self.keys[0])} and is {list(self.keys[1])}")
        if said:
            raise Failure(
                f"the source changed {self.table} so that raw cannot follow by itself: {'; '.join(said)}",
                f"if that is meant, `{_anew(self.table)}` makes raw's table anew with today's columns; "
                "nothing was published",
                ends=Exit.DECIDE,
            )

    def notices(self, anew: bool) -> tuple[str, ...]:
        """What people are told. anew: raw's table is made anew as the source has it (`--full`)."""
        said = [f"new column {column.name} ({column.mysql}): the table is read whole" for column in self.added]
        told = "raw widens; the table is read whole" if self.whole else "raw widens"
        said += [f"{_both(pair)}: {told}" for pair in self.widened]
        said += [f"{_both(pair)}: the same in raw" for pair in self.redeclared]
        if anew:
            said += [f"{_both(pair)}: raw's table is made anew" for pair in self.changed]
            said += [f"column {column.name} is excluded: it leaves raw" for column in self.excluded]
            said += [f"column {column.name}, which the source has no longer, leaves raw" for column in self.kept]
        else:
            said += [self._keeps(column) for column in self.kept]
        if hidden := [*self.excluded, *(old for old, new in self.changed if by_key(old) != by_key(new))]:
            said.append(
                f"{', '.join(column.name for column in hidden)} stays as it was in older files of the lake, in marts "
                "and histories, and in DuckDB's free blocks: docs/people.md says what removes it there"
            )
        if self.rehashed:
            said.append(f"raw's hashes are not of version {fingerprint.VERSION}: the table is read whole, once")
        return tuple(f"{self.table}: {text}" for text in said)

    def _keeps(self, column: ColumnType) -> str:
        values = "with the values of rows that are still there" if self.keys[1] else "as NULL, for rows have no key"
        seen = "the source dropped" if column in self.dropped else "the source no longer has"
        return (
            f"{seen} column {column.name} ({column.mysql}): raw keeps it, {values}, and NULL in new rows; "
            f"`{_anew(self.table)}` takes it out"
        )


def between(
    base: Batch | None,
    table: str,
    columns: Sequence[ColumnType],
    key: tuple[str, ...],
    excluded: Collection[str] = (),
) -> Drift:
    """How today's columns differ from those of a table's newest batch; None: there is none yet, so nothing differs.

    Names that differ by case alone are the same column, as they are in every one of the three databases.
    """
    if base is None:
        return Drift(table, keys=(key, key))
    then = {column.name.lower(): column for column in base.columns if column.name != SOURCE_HASH}
    now = {column.name.lower(): column for column in columns if column.name != SOURCE_HASH}
    pairs = [(then[name], now[name]) for name in now if name in then]
    kinds = [_kind(*pair) for pair in pairs]

    def of(kind: str) -> tuple[Pair, ...]:
        return tuple(pair for pair, found in zip(pairs, kinds, strict=True) if found == kind)

    unread = {name.lower() for name in excluded}
    dropped = tuple(then[name] for name in then if name not in now and name not in unread)
    return Drift(
        table,
        added=tuple(now[name] for name in now if name not in then),
        dropped=dropped,
        widened=of("widened"),
        redeclared=of("redeclared"),
        changed=of("changed"),
        moved=[name for name in then if name in now] != [name for name in now if name in then],
        kept=tuple(column for column in (*base.kept, *dropped) if column.name.lower() not in {*now, *unread}),
        excluded=tuple(column for column in base.raw_columns if column.name.lower() in unread),
        keys=(base.primary_key, key),
        rehashed=base.hash_version != fingerprint.VERSION,
    )


def left_out(loaded: Iterable[str], catalog: Iterable[str]) -> list[str]:
    """Notices about tables of raw that the catalog does not list any more."""
    return [f"{table} is not in the catalog: raw keeps it as it is" for table in sorted({*loaded} - {*catalog})]


def verdict(kept: Sequence[ColumnType]) -> str:
    """What `_loads` says of columns that the source has no longer: dbt stops at it (require_source_columns.sql)."""
    if not kept:
        return ""
    listed = ", ".join(f'"{column.name}"' for column in kept)
    return f"; dropped at the source: {listed if len(listed.encode()) <= VERDICT_BYTES else ANY}"


def _kind(old: ColumnType, new: ColumnType) -> str:
    if old == new:
        return "the same"
    if by_key(old) != by_key(new):
        return "changed"
    if same_home(old, new):
        return "redeclared"
    return "widened" if can_hold(new, old) else "changed"


def _both(pair: Pair) -> str:
    old, new = pair
    named = "" if old.name == new.name else f" {new.name}"
    if old.mysql != new.mysql:
        return f"column {old.name} was {old.mysql} and is{named} {new.mysql}"
    # Of texts that is the bytes that a character may need; the record keeps no character set.
    cause = "its character set is another" if "VARCHAR" == old.duckdb == new.duckdb else "it is read as another type"
    return f"column {old.name} was and is{named} {new.mysql}, but {cause}: {old.redshift} became {new.redshift}"


def _anew(table: str) -> str:
    return f"python -m loaders extract --full --tables {table}"
