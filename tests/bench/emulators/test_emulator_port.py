"""Ports: what a program meets at the path, and what the modem notices of the program."""

import asyncio
import contextlib
import functools
import os
import termios
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path

import pytest
from subscriber_line import Line, connected

from gateway import clock
from gateway.bench.emulators import MemoryPort, PtyPort, open_modem
from gateway.bench.emulators.port import PortTaken

SPEED = 10.0
LONG = 100.0  # bench seconds that the kernel has, at most, to pass bytes on


def in_real_time(test: Callable[[Path], Coroutine[None, None, None]]) -> Callable[[Path], None]:
    """The kernel passes bytes on in its own time, so that a jumping clock won't do."""

    @functools.wraps(test)
    def run(tmp_path: Path) -> None:
        clock.run(test(tmp_path), clock.Pace.begin(SPEED))

    return run


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(LONG):
        while not true():
            await asyncio.sleep(0.02)


class Opened:
    """A program that has the port open, in the same process: reads without blocking."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def write(self, data: bytes) -> None:
        os.write(self.fd, data)

    def read_now(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self.fd, 65536)
        return b""

    async def read(self, count: int) -> bytes:
        """At least ``count`` bytes, or, where 0 are expected, what comes within half a second."""
        if count == 0:
            await asyncio.sleep(0.5)
            return self.read_now()
        got = b""
        async with asyncio.timeout(LONG):
            while len(got) < count:
                got += self.read_now()
                await asyncio.sleep(0.01)
        return got


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Opened]:
    program = Opened(path)
    try:
        yield program
    finally:
        os.close(program.fd)


@contextlib.asynccontextmanager
async def port_at(path: Path) -> AsyncIterator[tuple[PtyPort, list[bytes]]]:
    port, got = PtyPort(path), []
    port.on_data = got.append
    try:
        yield port, got
    finally:
        port.unplug()


@in_real_time
async def test_a_link_leads_to_the_terminal_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "dev" / "modem"
    async with port_at(path) as (port, got):
        assert path.is_symlink()
        with opened(path) as program:
            program.write(b"AT\r")
            port.write(b"not yet read")
            assert await program.read(12) == b"not yet read"
            await until(lambda: b"".join(got) == b"AT\r")
    assert not path.is_symlink()


@in_real_time
async def test_an_old_link_is_replaced_but_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "modem"
    path.symlink_to("/nowhere")
    async with port_at(path):
        assert path.exists()
    path.write_text("somebody's file")
    with pytest.raises(PortTaken, match=f"{path}.*remove it or name another"):
        PtyPort(path)
    assert path.read_text() == "somebody's file"


@in_real_time
async def test_a_link_that_another_port_took_over_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "modem"
    async with port_at(path) as (first, _), port_at(path) as (second, _):
        first.unplug()
        with opened(path) as program:
            second.write(b"x")
            assert await program.read(1) == b"x"


@in_real_time
async def test_bytes_pass_as_they_are_and_nothing_is_echoed(tmp_path: Path) -> None:
    async with port_at(tmp_path / "modem") as (port, got):
        with opened(tmp_path / "modem") as program:
            everything = bytes(range(256))
            program.write(everything)
            await until(lambda: len(b"".join(got)) >= 256)
            assert b"".join(got) == everything
            assert await program.read(0) == b""
            port.write(everything)
            assert await program.read(256) == everything


@in_real_time
async def test_what_the_modem_says_while_nobody_listens_is_lost(tmp_path: Path) -> None:
    async with port_at(tmp_path / "modem") as (port, _):
        port.write(b"RING")
        with opened(tmp_path / "modem") as program:
            assert await program.read(0) == b""


@in_real_time
async def test_closing_drops_dtr_and_the_next_program_starts_clean(tmp_path: Path) -> None:
    drops: list[float] = []
    async with port_at(tmp_path / "modem") as (port, got):
        port.on_drop = lambda: drops.append(1)
        with opened(tmp_path / "modem") as program:
            settings = termios.tcgetattr(program.fd)
            settings[3] |= termios.ECHO | termios.ICANON
            termios.tcsetattr(program.fd, termios.TCSANOW, settings)
            await asyncio.sleep(0.5)
            port.write(b"unread\n")
        await until(lambda: drops == [1])
        got.clear()
        with opened(tmp_path / "modem") as program:
            program.write(b"again")
            port.write(b"x")
            assert await program.read(1) == b"x"
            await until(lambda: b"".join(got) == b"again")


@in_real_time
async def test_a_program_that_writes_and_closes_at_once_is_heard(tmp_path: Path) -> None:
    drops: list[int] = []
    async with port_at(tmp_path / "modem") as (port, got):
        port.on_drop = lambda: drops.append(len(b"".join(got)))
        with opened(tmp_path / "modem") as program:
            program.write(b"ATZ\r")
        await until(lambda: drops == [4])
        assert b"".join(got) == b"ATZ\r"


@in_real_time
async def test_two_programs_keep_the_port_up_until_both_have_closed(tmp_path: Path) -> None:
    drops: list[int] = []
    async with port_at(tmp_path / "modem") as (port, _):
        port.on_drop = lambda: drops.append(1)
        with opened(tmp_path / "modem"):
            with opened(tmp_path / "modem"):
                await asyncio.sleep(0.5)
            await asyncio.sleep(0.5)
            assert drops == []
        await until(lambda: drops == [1])


@in_real_time
async def test_a_paused_port_blocks_the_program(tmp_path: Path) -> None:
    async with port_at(tmp_path / "modem") as (port, got):
        with opened(tmp_path / "modem") as program:
            port.pause()
            written = 0
            with pytest.raises(BlockingIOError):
                while written < 1_000_000:
                    written += os.write(program.fd, bytes(1024))
                    await asyncio.sleep(0.02)
            assert written < 32_768
            assert got == []
            port.resume()
            await until(lambda: len(b"".join(got)) == written)


@in_real_time
async def test_the_backlog_is_what_the_program_has_not_read(tmp_path: Path) -> None:
    async with port_at(tmp_path / "modem") as (port, _):
        with opened(tmp_path / "modem") as program:
            for _ in range(100):
                port.write(bytes(1000))
            assert port.backlog > 60_000
            assert len(await program.read(100_000)) == 100_000
            assert port.backlog == 0


@in_real_time
async def test_unplugging_ends_the_programs_descriptor(tmp_path: Path) -> None:
    async with port_at(tmp_path / "modem") as (port, _):
        with opened(tmp_path / "modem") as program:
            await asyncio.sleep(0.1)
            port.unplug()
            assert os.read(program.fd, 10) == b""
            with pytest.raises(OSError, match="Input/output"):
                program.write(b"x")
        assert not (tmp_path / "modem").exists()
        port.replug()
        with opened(tmp_path / "modem") as program:
            port.write(b"back")
            assert await program.read(4) == b"back"


@in_real_time
async def test_a_whole_modem_lives_at_a_path(tmp_path: Path) -> None:
    line = Line()
    line.modem = open_modem("conexant", line, tmp_path / "modem", trace=tmp_path / "trace.at")
    with opened(tmp_path / "modem") as program:
        program.write(b"ATE0\rAT+FCLASS=8;+VSM=130;+VLS=1\r")
        assert await program.read(17) == b"ATE0\r\r\nOK\r\n\r\nOK\r\n"
        assert line.off
        program.write(b"AT+VRX\r")
        assert (await program.read(4000)).startswith(b"\r\nCONNECT\r\n\x80")
    await until(lambda: not line.off)
    line.modem.close()


@in_real_time
async def test_a_program_that_does_not_read_its_recording_loses_sound_and_is_told(tmp_path: Path) -> None:
    line = Line()
    line.modem = open_modem("conexant", line, tmp_path / "modem")
    with opened(tmp_path / "modem") as program:
        program.write(b"ATE0\rAT+FCLASS=8;+VSM=130;+VLS=1\r")
        await program.read(17)
        program.write(b"AT+VRX\r")
        await asyncio.sleep(8)
        got = await program.read(16_000)
        while b"\x10o" not in got:
            got += await program.read(1)
        assert got.index(b"\x10o") < 8 * 8000 - 8000
        assert got.count(b"\x10o") == 1
        assert set(await program.read(3000)) == {0x80}
    line.modem.close()


async def test_a_memory_port_delivers_in_order_in_the_next_turn() -> None:
    port, modem, program = MemoryPort(), [], []
    port.on_data, port.other_end.on_data = modem.append, program.append
    port.other_end.write(b"A")
    port.other_end.write(b"T")
    port.write(b"O")
    port.write(b"K")
    assert (modem, program) == ([], [])
    await asyncio.sleep(0)
    assert (modem, program) == ([b"A", b"T"], [b"O", b"K"])


async def test_a_paused_memory_port_lets_the_program_wait() -> None:
    port, modem, drained = MemoryPort(), [], []
    port.on_data = modem.append
    port.other_end.on_drained = lambda: drained.append(True)
    port.pause()
    port.other_end.write(b"12345")
    await asyncio.sleep(1)
    assert (modem, port.other_end.waiting, drained) == ([], 5, [])
    port.resume()
    await asyncio.sleep(0)
    assert (modem, port.other_end.waiting, drained) == ([b"12345"], 0, [True])


async def test_a_closed_memory_port_hears_nothing_until_it_is_opened_again() -> None:
    async with connected("usr5637") as (line, program):
        program.end.close()
        await line.ring()
        assert bytes(program.got) == b""
        program.end.open()
        await line.ring()
        assert bytes(program.got) == b"\r\nRING\r\n"
