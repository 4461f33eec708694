"""The command channel: replies are never mixed up, and a modem that lets a time-out pass is given up."""

import asyncio

import pytest

from gateway import clock
from gateway.line import LineLost
from gateway.modems.commands import PROMPT, CommandChannel, Refused
from gateway.modems.trace import Trace
from gateway.protocols.at import Command, Event, Unsolicited
from gateway.protocols.dle import Sound


class Script:
    """A port whose modem says what the test tells it to."""

    name = 'line "a": script'
    unsent = 0

    def __init__(self) -> None:
        self.sent = b""
        self.closed = False
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, data: bytes, after: float = 0.0) -> None:
        asyncio.get_running_loop().call_later(after, self._said.put_nowait, data)

    async def read(self) -> bytes:
        return await self._said.get()

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self) -> None:
        self.port = Script()
        self.events: list[Event] = []
        self.lost: list[LineLost] = []
        self.channel = CommandChannel(self.port, Trace(None, "a"), self.events.append, self.lost.append)


async def test_a_reply_goes_to_its_command_and_the_rest_to_whom_it_concerns() -> None:
    bench = Bench()
    bench.port.say(b"\r\nRING\r\n\r\n5601\r\n\r\nOK\r\n", after=0.1)
    reply = await bench.channel.ask(Command("ATI0", information=("",)))
    assert (reply.result, reply.information) == ("OK", ("5601",))
    assert bench.events == [Unsolicited("RING")]
    assert bench.port.sent == b"ATI0\r"


async def test_commands_wait_for_one_another() -> None:
    bench = Bench()
    first, second = asyncio.create_task(bench.channel.ask("AT1")), asyncio.create_task(bench.channel.ask("AT2"))
    await asyncio.sleep(0.1)
    assert bench.port.sent == b"AT1\r"
    bench.port.say(b"OK\r\n")
    bench.port.say(b"ERROR\r\n", after=0.1)
    assert ((await first).result, (await second).result) == ("OK", "ERROR")


async def test_the_reply_to_a_cancelled_command_is_not_taken_for_the_next_ones() -> None:
    bench = Bench()
    cancelled = asyncio.create_task(bench.channel.ask("AT1"))
    await asyncio.sleep(0.1)
    cancelled.cancel()
    bench.port.say(b"ERROR\r\n", after=0.2)
    bench.port.say(b"OK\r\n", after=0.5)
    assert (await bench.channel.ask("AT2")).result == "OK"
    assert clock.now() == pytest.approx(0.6)


async def test_silence_means_a_lost_line_for_everyone_who_waits() -> None:
    bench = Bench()
    waiting = [asyncio.create_task(bench.channel.ask(f"AT{n}")) for n in range(3)]
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert clock.now() == pytest.approx(PROMPT)
    assert all(isinstance(each, LineLost) and "no reply to AT0" in str(each) for each in done)
    assert len(bench.lost) == 1
    assert bench.port.closed
    with pytest.raises(LineLost):
        await bench.channel.ask("AT")


async def test_voice_begins_with_connect_and_ends_by_the_first_ending_that_is_heeded() -> None:
    bench = Bench()
    record = Command("AT+VRX", voice="in")
    bench.port.say(b"CONNECT\r\n\x80\x81", after=0.1)
    await bench.channel.begin_voice(record, (b"<1>", b"<2>", b"<3>"))
    bench.port.say(b"\x10\x03\r\nOK\r\n", after=1.5)
    await bench.channel.finish()
    assert bench.events[0] == Sound(b"\x80\x81")
    assert bench.port.sent == b"AT+VRX\r<1><2>"


async def test_a_voice_command_that_is_refused_is_no_lost_line() -> None:
    bench = Bench()
    bench.port.say(b"ERROR\r\n", after=0.1)
    with pytest.raises(Refused, match="ERROR"):
        await bench.channel.begin_voice(Command("AT+VTR", voice="in"), ())
    bench.port.say(b"OK\r\n", after=0.1)
    assert (await bench.channel.ask("ATH")).result == "OK"


@pytest.mark.parametrize("words", [b"", b"\x80" * 100])
async def test_a_voice_stream_without_beginning_or_end_is_a_lost_line(words: bytes) -> None:
    bench = Bench()
    bench.port.say(b"\r\nCONNECT\r\n" + words if words else b"", after=0.1)
    with pytest.raises(LineLost, match=r"no (CONNECT|end) to AT\+VTR"):
        await bench.channel.begin_voice(Command("AT+VTR", voice="in"), (b"!", b"!!"))
        await bench.channel.finish()
    assert clock.now() < 3.0


async def test_a_first_command_without_answer_is_forgotten() -> None:
    bench = Bench()
    assert not await bench.channel.answers("AT", within=0.5)
    bench.port.say(b"OK\r\n", after=0.1)
    assert await bench.channel.answers("AT", within=0.5)


async def test_a_fault_of_ours_upon_what_the_modem_says_loses_the_line_instead_of_leaving_it_deaf() -> None:
    port, lost = Script(), list[LineLost]()
    digits: list[int] = []
    CommandChannel(port, Trace(None, "a"), lambda event: digits.append(int(str(event))), lost.append)
    port.say(b"\r\nRING\r\n")
    await asyncio.sleep(0.1)
    assert "ValueError" in str(lost[0])
    assert "RING" not in str(lost[0])
    assert port.closed
