"""A shop from files: a folder of CSV files, or a Python module of dictionaries, as the original project had it.

CSV cannot tell NULL from an empty text: an empty cell becomes NULL where the column may be NULL, and '' where it may
not. A Python module says None or "".
"""

import csv
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from loaders.common.errors import Failure
from seeds_generator import schema

NULLABLE = {("order", "shipping_date"), ("order", "request")}
# All that Pandas would guess from the values or from the file's name.
CSV_OPTIONS = {
    "sep": ",", "quotechar": '"', "doublequote": True, "header": 0, "index_col": False, "dtype": object,
    "na_filter": False, "keep_default_na": False, "encoding": "utf-8-sig", "compression": None,
}  # fmt: skip


def read(source: Path) -> dict[str, pd.DataFrame]:
    """The three tables, every value as the text it is in the file; MySQL checks and converts it."""
    if source.is_dir():
        return {table: _csv(source / f"{table}.csv", table) for table in schema.TABLES}
    if source.suffix == ".py" and source.is_file():
        module = _module(source)
        return {table: _dicts(module, table, source) for table in schema.TABLES}
    raise Failure(f"{source} is neither a folder of CSV files nor a Python module", "give one of the two")


def _csv(file: Path, table: str) -> pd.DataFrame:
    try:
        _check_widths(file)
        frame = pd.read_csv(file, **CSV_OPTIONS)
    except FileNotFoundError:
        raise Failure(f"{file} is missing", f"the folder must hold {', '.join(schema.TABLES)} as .csv") from None
    except (ValueError, csv.Error) as error:
        raise Failure(f"{file} cannot be read as CSV: {error}", "correct it, and save it as UTF-8") from None
    _check_columns(list(frame.columns), table, str(file))
    for column in frame.columns:
        if (table, column) in NULLABLE:
            frame[column] = frame[column].where(frame[column] != "", None)
    return _exact(frame[schema.columns(table)], table, str(file))


def _check_widths(file: Path) -> None:
    """Pandas would fill a short row up, and take the first field of longer ones for a name of the row."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream)
        header = next(rows, [])
        for row in rows:
            if row and len(row) != len(header):
                raise Failure(
                    f"{file}: line {rows.line_num} has {len(row)} fields, the header {len(header)}",
                    'correct it; a comma inside a text needs quotes: "a, b"',
                )


def _module(file: Path) -> Mapping[str, Any]:
    spec = importlib.util.spec_from_file_location("shop_data", file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's own code raises
        raise Failure(f"{file} cannot be run: {type(error).__name__}: {error}", "correct it") from None
    return vars(module)


def _dicts(module: Mapping[str, Any], table: str, file: Path) -> pd.DataFrame:
    rows = module.get(table)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Failure(f"{file} has no list of dictionaries named {table}", f"write {table} = [{{…}}, …]")
    for number, row in enumerate(rows):
        _check_columns(list(row), table, f"{file}: {table}[{number}]")
    texts = [{key: None if value is None else str(value) for key, value in row.items()} for row in rows]
    return _exact(pd.DataFrame(texts, columns=schema.columns(table), dtype=object), table, f"{file}: {table}")


def _check_columns(found: list[str], table: str, where: str) -> None:
    wanted = schema.columns(table)
    missing, unknown = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or unknown:
        told = [f"lacks {', '.join(missing)}"] if missing else []
        told += [f"has unknown columns {', '.join(unknown)}"] if unknown else []
        raise Failure(f"{where} {' and '.join(told)}", f"the columns are {', '.join(wanted)}")


def _exact(frame: pd.DataFrame, table: str, where: str) -> pd.DataFrame:
    """The frame, if no value has more places than its column: MySQL would round it without an error."""
    for column, kind in schema.types(table).items():
        inexact = frame.index[~frame[column].str.fullmatch(_pattern(kind), na=True).astype(bool)]
        if len(inexact):
            raise Failure(
                f"{where}: {column} of row {inexact[0] + 1} is {frame[column][inexact[0]]!r}, "
                f"which MySQL would change to fit {kind}",
                "write it as it is to be stored; nothing was loaded",
            )
    return frame


def _pattern(kind: str) -> str:
    """What a column holds without rounding; whether it is a number or a date at all, MySQL will say."""
    name, *sizes = re.findall(r"[a-z]+|\d+", kind)
    if name == "varchar":
        return f"(?s).{{0,{sizes[0]}}}"
    places = {"decimal": sizes[-1:], "datetime": sizes}.get(name) or ["0"]
    return rf"[^.e]*(\.\d{{0,{places[0]}}}0*)?"
