"""A shop from files: a folder of CSV files, or a Python module of dictionaries, as the original project had it.

CSV cannot tell NULL from an empty text: an empty cell becomes NULL where the column may be NULL, and '' where it may
not. A Python module says None or "".
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from loaders.errors import Failure
from seeds_generator import schema

NULLABLE = {("order", "shipping_date"), ("order", "request")}


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
        frame = pd.read_csv(file, dtype=object, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise Failure(f"{file} is missing", f"the folder must hold {', '.join(schema.TABLES)} as .csv") from None
    except (ValueError, pd.errors.ParserError) as error:
        raise Failure(f"{file} cannot be read as CSV: {error}", "correct the file") from None
    _check_columns(list(frame.columns), table, str(file))
    for column in frame.columns:
        if (table, column) in NULLABLE:
            frame[column] = frame[column].where(frame[column] != "", None)
    return frame[schema.columns(table)]


def _module(file: Path) -> Mapping[str, Any]:
    spec = importlib.util.spec_from_file_location("shop_data", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def _dicts(module: Mapping[str, Any], table: str, file: Path) -> pd.DataFrame:
    rows = module.get(table)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Failure(f"{file} has no list of dictionaries named {table}", f"write {table} = [{{…}}, …]")
    for number, row in enumerate(rows):
        _check_columns(list(row), table, f"{file}: {table}[{number}]")
    texts = [{key: None if value is None else str(value) for key, value in row.items()} for row in rows]
    return pd.DataFrame(texts, columns=schema.columns(table), dtype=object)


def _check_columns(found: list[str], table: str, where: str) -> None:
    wanted = schema.columns(table)
    missing, unknown = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or unknown:
        told = [f"lacks {', '.join(missing)}"] if missing else []
        told += [f"has unknown columns {', '.join(unknown)}"] if unknown else []
        raise Failure(f"{where} {' and '.join(told)}", f"the columns are {', '.join(wanted)}")
