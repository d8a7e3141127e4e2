"""A JSON value made into dataclasses by their annotations alone: nothing is converted, guessed, or left over.

An annotation may carry rules, `Annotated[str, re.compile(…)]` or `Annotated[int, range(…)]`: a pattern that a whole
text matches, or anything that the value is in. What is absent has its field's default, if there is one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

Made = TypeVar("Made")
SHOWN_CHARACTERS = 60
# No text of ours has a NUL, which no warehouse can hold, or half of a surrogate pair, which is no character.
TEXT = re.compile("[^\0\ud800-\udfff]*")


class Unlike(Exception):
    """A value is not what its annotation says; the message says where."""


class Unknown(Unlike):
    """There is a field that no annotation has; the message is its name."""


def made(kind: type[Made], value: Any) -> Made:
    """The value as the dataclass `kind`; one that is not exactly that is an error."""
    found: Made = _made(kind, value, "")
    return found


def shown(value: Any) -> str:
    """A foreign value for people's eyes: short, on one line, in ASCII."""
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _made(kind: Any, value: Any, where: str) -> Any:
    kind, *rules = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    found = _plain(kind, value, where)
    for rule in rules:
        if not (rule.fullmatch(found) if isinstance(rule, re.Pattern) else found in rule):
            raise Unlike(f"{where} is {shown(value)}")
    return found


def _plain(kind: Any, value: Any, where: str) -> Any:
    way = _dataclass if is_dataclass(kind) else WAYS.get(get_origin(kind) or kind)
    return way(kind, value, where) if way else _exactly(kind, value, where)


def _exactly(kind: Any, value: Any, where: str) -> Any:
    """Not a bool for an int, nor an int for a float."""
    if type(value) is not kind:
        raise Unlike(f"{where or 'it'} is {shown(value)}")
    return value


def _text(_kind: Any, value: Any, where: str) -> str:
    text: str = _exactly(str, value, where)
    if not TEXT.fullmatch(text):
        raise Unlike(f"{where} is {shown(value)}")
    return text


def _moment(_kind: Any, value: Any, where: str) -> datetime:
    """Without a time zone, and written as Python writes it."""
    try:
        found = datetime.fromisoformat(_text(str, value, where))
    except ValueError:
        found = None
    if found is None or found.isoformat(sep=" ") != value or found.tzinfo:
        raise Unlike(f"{where} is {shown(value)}")
    return found


def _optional(kind: Any, value: Any, where: str) -> Any:
    return None if value is None else _made(get_args(kind)[0], value, where)


def _each(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    inner = get_args(kind)[0]
    return tuple(_made(inner, each, f"{where}[{place}]") for place, each in enumerate(_exactly(list, value, where)))


def _by_name(kind: Any, value: Any, where: str) -> dict[Any, Any]:
    key, inner = get_args(kind)
    found = _exactly(dict, value, where)
    return {_made(key, name, where): _made(inner, each, f"{where}[{shown(name)}]") for name, each in found.items()}


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    hints, needed = _hints(kind)
    value = _exactly(dict, value, where)
    for name in value.keys() - hints.keys():
        raise Unknown(shown(name)[1:-1])
    for name in needed - value.keys():
        raise Unlike(f"without {_below(where, name)}")
    return kind(**{name: _made(hints[name], each, _below(where, name)) for name, each in value.items()})


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


@cache
def _hints(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The annotations of a dataclass, and the fields that have no default."""
    needed = (each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)
    return get_type_hints(kind, include_extras=True), frozenset(needed)


WAYS: Mapping[Any, Callable[[Any, Any, str], Any]] = {
    str: _text,
    datetime: _moment,
    tuple: _each,
    Mapping: _by_name,
    Union: _optional,
    UnionType: _optional,
}
