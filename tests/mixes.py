"""Changes that a loader may miss, for keys of every kind; the same on both warehouses."""

from loaders.types.fingerprint import hash_column
from loaders.types.type_contract import contract

# kind of key -> (columns of the key, four keys as literals, of which the second is changed to the fifth).
KINDS = {
    "integer": ("a int", ["-1030", "0", "7", "2000000", "-7"]),
    "unsigned": ("a bigint unsigned", ["0", "9", "18446744073709551615", "1024", "18446744073709551614"]),
    "sparse": ("a bigint", ["-9223372036854775808", "0", "9223372036854775807", "5", "6"]),
    "case folds": ("a varchar(20) collate utf8mb4_general_ci", ["'a'", "'b'", "'c'", "'d '", "'B'"]),
    "blanks pad": ("a varchar(20) collate utf8mb4_general_ci", ["'a'", "'b'", "'c'", "'d'", "'b '"]),
    "latin1": ("a varchar(20) character set latin1", ["'é'", "'ÿ'", "'it''s'", "'\\\\'", "'z'"]),
    "bytes": ("a varbinary(20)", ["x'ff'", "x'00'", "x'fe'", "x'0000'", "x'ff00'"]),
    "composite": ("a int, b varchar(9)", ["1, 'x'", "3, 'x '", "2, 'x'", "-1, '김'", "3, 'X'"]),
    "moment": (
        "a datetime(6)",
        [
            "'2020-01-01'",
            "'2020-01-02'",
            "'9999-12-31 23:59:59.999999'",
            "'2021-01-01 00:00:00.000001'",
            "'2020-01-03'",
        ],
    ),
    "decimal": ("a decimal(20,3)", ["-1.5", "0", "99999999999999999.999", "0.001", "0.002"]),
    "float": ("a float", ["0.5", "-1.5", "16777216", "1024.5", "0.25"]),
}


def after_any_mix(own, run, live_rows, kind: str) -> None:
    """Raw (`live_rows`) has the source's rows after each `run`, and the verdict of the run says what it found."""
    columns, keys = KINDS[kind]
    names = [column.split()[0] for column in columns.split(", ")]
    own.write(
        f"create table t ({columns}, v varchar(40), f float, n int null, updated_at datetime(6) null, "
        f"primary key ({', '.join(names)}))",
        *(
            f"insert into t values ({key}, 'old', 0.1, null, '2026-01-0{place}')"
            for place, key in enumerate(keys[:4], 1)
        ),
    )
    assert run().batches[0].mode == "full"

    def where(key: str) -> str:
        return f"({', '.join(names)}) = ({key})"

    def mixed(*statements: str) -> str:
        own.write(*statements)
        (batch,) = run().batches
        assert batch.mode == "incremental" and batch.live_rows == len(live_rows())
        with own.snapshot() as snapshot:
            assert hashes(snapshot, "t") == sorted(row[-1] for row in live_rows())
        return batch.verdict

    assert mixed() == "equal: 4 rows by hash, all by value"
    # A key changes into one that its collation holds for equal, and no cursor tells.
    changed = ", ".join(f"{n} = {v}" for n, v in zip(names, keys[4].split(", "), strict=True))
    assert (
        mixed(f"update t set {changed} where {where(keys[1])}")
        == "equal: 4 rows by hash, all by value; 1 repaired; 1 gone"
    )
    # An update that forgets its cursor, a late commit, a delete, a row without a cursor, one dated 2099.
    assert (
        mixed(
            f"update t set v = 'silent' where {where(keys[0])}",
            f"delete from t where {where(keys[2])}",
            f"update t set updated_at = null, v = 'no cursor' where {where(keys[3])}",
        )
        == "equal: 3 rows by hash, all by value; 1 repaired; 1 gone"
    )
    assert (
        mixed(f"update t set updated_at = '2099-01-01' where {where(keys[0])}") == "equal: 3 rows by hash, all by value"
    )
    # What was deleted is inserted again; what is inserted late has an old cursor.
    assert mixed(f"insert into t values ({keys[2]}, 'again', 1e30, 5, '2020-01-01')") == (
        "equal: 4 rows by hash, all by value; 1 repaired"
    )
    again = (
        f"delete from t where {where(keys[2])}",
        f"insert into t values ({keys[2]}, 'again', 1e30, 5, '2020-01-01')",
    )
    assert mixed(*again) == "equal: 4 rows by hash, all by value"


def hashes(snapshot, table: str) -> list[int]:
    """Every row's hash, as the source gives it in a snapshot; of equal rows, their sum."""
    source = snapshot.tables()[table]
    return sorted(total for _rows, total in snapshot.sums(source, _hash(source), _hash(source)).values())


def totals(snapshot, table: str) -> tuple[int, int]:
    """The source's count of rows and sum of their hashes."""
    source = snapshot.tables()[table]
    return snapshot.sums(source, "0", _hash(source)).get(0, (0, 0))


def _hash(source) -> str:
    return hash_column([contract(column, source.name) for column in source.columns], source.columns).select
