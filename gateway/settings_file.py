"""A settings file: TOML, read once, into frozen structs. An error names the file, the key and the remedy.

``settings.py`` lists what can be set; this reads it, and any other file of that kind, and puts msgspec's complaints
into a technician's words.
"""

import ast
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from gateway.errors import SettingsError

_FORMS: dict[str, str] = {}  # pattern → what a person is told to write
NO_FILE = "no such file"

T = TypeVar("T")


def form(pattern: str, words: str) -> msgspec.Meta:
    """Text that must match ``pattern``; who writes something else is told to write ``words``."""
    _FORMS[pattern] = words
    return msgspec.Meta(pattern=pattern)


def read(path: Path, kind: type[T], *, missing: str = NO_FILE, moved: Mapping[str, str] = {}) -> T:
    """A file into a struct of ``kind``. ``moved``: keys of earlier versions, and what to do instead.

    Raises ``SettingsError`` that names file, key or line, and remedy; ``missing`` is its words where there is no file.
    """
    return convert(tables(path, missing=missing), kind, str(path), moved=moved)


def tables(path: Path, *, missing: str = NO_FILE) -> dict[str, Any]:
    """A file as it stands, with or without a byte order mark. Raises ``SettingsError``."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: {missing}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None


def convert(data: object, kind: type[T], what: str, *, moved: Mapping[str, str] = {}) -> T:
    """Plain data into a struct. Raises ``SettingsError`` that begins with ``what`` and names key and remedy."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{what}: {_explain(str(error), kind, moved)}") from None


def _explain(error: str, kind: type[object], moved: Mapping[str, str]) -> str:
    """msgspec's words, turned so that the key comes first and the remedy is plain."""
    what, _, where = error.partition(" - at `$")
    where = re.sub(r"\[(\d+)\]", lambda m: f"[{int(m[1]) + 1}]", where.rstrip("`")).lstrip(".")
    if missing := re.search(r"missing required field `(\w+)`", what):
        return f"{_below(where, missing[1])} is missing; add it"
    if unknown := re.search(r"unknown field `(.*)`", what):
        key = _below(where, unknown[1])
        if key in moved:
            return f"{key} is no longer a setting; {moved[key]}"
        return f"{key} is not a setting; remove it or correct its spelling"
    if (pattern := re.search(r"matching regex (.*)$", what)) and (words := _FORMS.get(ast.literal_eval(pattern[1]))):
        return f"{where}: write {words}"
    if value := re.search("[Ii]nvalid (?:enum )?value (.*)$", what):
        keys = re.sub(r"\[\d+\]", "", where).split(".")
        return f"{where}: {value[1]} is not one of {', '.join(_choices(inspect.type_info(kind), keys))}"
    return f"{where + ': ' if where else ''}{what[:1].lower()}{what[1:]}"


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _choices(node: inspect.Type, keys: list[str]) -> list[str]:
    """The values that the setting at ``keys`` may have."""
    match node:
        case inspect.LiteralType() if not keys:
            return [str(value) for value in node.values]
        case inspect.UnionType(types=types):
            return [choice for each in types for choice in _choices(each, keys)]
        case inspect.VarTupleType(item_type=item):
            return _choices(item, keys)
        case inspect.StructType(tag_field=field, tag=tag) if keys == [field]:
            return [str(tag)]
        case inspect.StructType(fields=fields) if keys:
            return [
                choice for each in fields if each.encode_name == keys[0] for choice in _choices(each.type, keys[1:])
            ]
    return []
