"""Log entries reach the journal with their fields, in its own protocol."""

import asyncio
import logging
import socket
import struct
from pathlib import Path

import pytest

from gateway.daemon.journald import JournalHandler, connected


@pytest.fixture
def journal(tmp_path: Path) -> socket.socket:
    """The journal's end."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(tmp_path / "socket"))
    end.settimeout(1.0)
    return end


def fields_of(datagram: bytes) -> dict[str, str]:
    """As journald reads them."""
    fields, rest = {}, datagram
    while rest:
        head, _, rest = rest.partition(b"\n")
        if b"=" in head:
            name, _, value = head.partition(b"=")
        else:
            (length,) = struct.unpack("<Q", rest[:8])
            name, value, rest = head, rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[name.decode()] = value.decode()
    return fields


def logger(tmp_path: Path) -> logging.Logger:
    made = logging.Logger("gateway.test")
    made.addHandler(JournalHandler(tmp_path / "socket"))
    return made


async def test_what_a_lines_task_says_carries_the_lines_name(journal: socket.socket, tmp_path: Path) -> None:
    log = logger(tmp_path)

    async def work() -> None:
        log.warning("lost %s", "it")

    await asyncio.create_task(work(), name="line a")
    log.info("ready")
    first, second = fields_of(journal.recv(4096)), fields_of(journal.recv(4096))
    assert (first["MESSAGE"], first["PRIORITY"], first["GATEWAY_LINE"]) == ("lost it", "4", "a")
    assert first["GATEWAY_LOGGER"] == "gateway.test"
    assert second["PRIORITY"] == "6"
    assert "GATEWAY_LINE" not in second


def test_a_message_of_several_lines_is_one_entry(journal: socket.socket, tmp_path: Path) -> None:
    logger(tmp_path).error("a\nb=c\n")
    fields = fields_of(journal.recv(4096))
    assert fields["MESSAGE"] == "a\nb=c\n"
    assert fields["PRIORITY"] == "3"


def test_without_a_journal_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not connected()
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not connected()
