"""Stores for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "data" / "gateway.db")
    yield opened
    opened.close()
