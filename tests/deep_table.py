"""One table with a column of every type of the contract, and a change of raw for every kind of column."""

from tests import test_type_matrix as matrix

# What the matrix tests by itself, value by value, because it is no plain literal.
MORE = {
    "float": ("float", ["0.1", "-3.4e38", "1.4e-45", "16777217", "-0.0e0"]),
    "float shown rounded": ("float(8,2)", ["1.57", "99999.99"]),
    "double shown rounded": ("double(8,2)", ["1.57", "-0.01"]),
    "bit": ("bit(7)", ["b'0'", "b'1111111'"]),
    "bit 64": ("bit(64)", ["0", "18446744073709551615"]),
}
# The kinds of values in DuckDB's raw, by its types, and an expression for another value.
CHANGES = {
    "SMALLINT": "case when {0} = 5 then 6 else 5 end",
    "INTEGER": "5",
    "BIGINT": "5",
    "FLOAT": "cast(0.30000001192092896 as float)",
    "DOUBLE": "0.10000000000000002",
    "VARCHAR": "{0} || ' '",
    "DECIMAL": "case when {0} = 0 then 1 else 0 end",
    "BLOB": "coalesce({0}, '') || '\\x00'::blob",
    "DATE": "{0} + interval 1 day",
    "TIMESTAMP": "{0} + interval 1 microsecond",
}


def kinds(own, for_redshift: bool = False) -> dict[str, tuple]:
    """name -> (column type, literals). Redshift cannot hold a NUL in a text, nor texts of more than 65,535 bytes."""
    found = matrix.MATRIX | matrix.BINARY | MORE | (matrix.MARIADB_ONLY if matrix.is_mariadb(own) else {})
    if not for_redshift:
        return found
    wide = ("\\0", "300000", "100000")
    return {
        name: (entry[0], [literal for literal in entry[1] if not any(mark in literal for mark in wide)])
        for name, entry in found.items()
    }


def filled(own, for_redshift: bool = False) -> dict[str, str]:
    """Make and fill the table `t`, a row of NULLs among its rows; its columns and the kinds they stand for."""
    chosen = kinds(own, for_redshift)
    names = {f"c{place}": name for place, name in enumerate(chosen)}
    columns = ", ".join(f"{column} {chosen[name][0]} null" for column, name in names.items())
    largest = max(len(entry[1]) for entry in chosen.values())
    rows = [
        ", ".join((chosen[name][1][row : row + 1] or ["null"])[0] for name in names.values())
        for row in range(largest + 1)
    ]
    own.write(
        f"create table t (id int primary key, {columns}) row_format=dynamic",
        "set sql_mode = ''",
        *(f"insert into t values ({number}, {row})" for number, row in enumerate(rows)),
    )
    return names
