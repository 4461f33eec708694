"""Tables at a terminal, in a file, and where there is little room: a number is never folded."""

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.console import WITHOUT_TERMINAL, table_console
from gateway.cli.journal import calls
from gateway.numbers import PhoneNumber
from gateway.store.database import Database
from gateway.store.journal import Domestic


@pytest.mark.parametrize("columns", [None, "60"])
async def test_a_callers_number_stands_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str | None
) -> None:
    with closing(Database.open(tmp_path / "gateway.db")) as database:
        number = PhoneNumber("+819012345678")
        await Domestic(database, "seattle").accept(number, line="third-line", called="", language="ja", at=1000.0)
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    shown = CliRunner().invoke(calls, ["--store", str(tmp_path / "gateway.db")]).output
    assert "+81*****5678" in shown
    assert max(map(len, shown.splitlines())) <= int(columns or WITHOUT_TERMINAL)


def test_who_says_how_wide_it_is_is_heeded_in_a_pipe_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert table_console().width == 72
    monkeypatch.delenv("COLUMNS")
    assert table_console().width == WITHOUT_TERMINAL
