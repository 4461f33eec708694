"""Settings written as TOML (the standard library only reads it)."""

import json
from collections.abc import Mapping
from typing import Any


def to_toml(table: Mapping[str, Any], path: str = "") -> str:
    """Nested tables, lists of tables, strings, numbers, booleans and lists of these, as a TOML document."""
    plain = {key: value for key, value in table.items() if not _is_table(value) and not _is_tables(value)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items() if value is not None]
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if _is_table(value):
            lines += ["", f"[{name}]", to_toml(value, name).rstrip()]
        elif _is_tables(value):
            for each in value:
                lines += ["", f"[[{name}]]", to_toml(each, name).rstrip()]
    return "\n".join(lines).lstrip("\n") + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
