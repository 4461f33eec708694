"""The exchange's control socket: a Unix socket that takes one order as a JSON line and answers with JSON lines.

``{"note": {...}}`` for each thing the handset does or hears, then ``{"result": {...}}`` or ``{"error": "..."}``.
Closing the connection breaks the handset's call off.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from gateway.bench.customers import CallOrder, carry_out
from gateway.bench.exchange import Exchange
from gateway.bench.handset import Handset
from gateway.bench.script import Result
from gateway.errors import GatewayError
from gateway.numbers import NotANumber, PhoneNumber

LONGEST_ORDER = 1 << 20


class ControlError(GatewayError):
    """The exchange can't be reached, or will not do what is asked."""


class Control:
    """The serving end. Handsets made on the fly stay, so that they can be called back later."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._handsets: dict[str, Handset] = {}
        self._in_use: set[str] = set()

    def add(self, handset: Handset) -> None:
        """A handset known beforehand."""
        self._handsets[handset.line.number] = handset

    async def serve(self, path: Path) -> asyncio.Server:
        """Listen at ``path``; a stale socket there is replaced. Raises ``ControlError`` where one is alive."""
        try:
            _make_room(path)
            return await asyncio.start_unix_server(self._serve_one, str(path), limit=LONGEST_ORDER)
        except OSError as error:
            raise ControlError(
                f"control {path}: can't be served: {error.strerror or error}; set another control"
            ) from None

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(**what: object) -> None:
            if not writer.is_closing():
                writer.write(msgspec.json.encode(what) + b"\n")

        work = asyncio.ensure_future(self._obey(await reader.readline(), lambda note: say(note=note)))
        gone = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                say(result=work.result())
        except GatewayError as error:
            say(error=str(error))
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()

    async def _obey(self, line: bytes, tell: Callable[[dict[str, Any]], None]) -> Result:
        try:
            order = msgspec.json.decode(line, type=CallOrder)
        except msgspec.MsgspecError as error:
            raise ControlError(f"the order is not understood: {error}") from None
        handset = self._handset(order)
        number = handset.line.number
        if number in self._in_use:
            raise ControlError(f"handset {number}: somebody else is using it; wait, or call from another number")
        self._in_use.add(number)
        handset.listener = tell
        try:
            return await carry_out(handset, order)
        finally:
            handset.listener = None
            handset.hang_up()
            handset.notes.clear()
            self._in_use.discard(number)

    def _handset(self, order: CallOrder) -> Handset:
        number = e164(order.caller, order.country)
        if number in self._handsets:
            return self._handsets[number]
        if number in self._exchange.lines:
            raise ControlError(f"number {number}: that line has a modem; call from a handset's number")
        made = Handset(self._exchange, self._exchange.subscribe(number, order.country), seed=order.seed)
        self._handsets[number] = made
        return made


def e164(number: str, country: str | None) -> str:
    """``number`` in E.164, as it is or from the national form: of ``country``, else Japan's, America's, Britain's.

    Raises ``ControlError`` where it is none of these.
    """
    if number.startswith("+"):
        return number
    regions = ("GB" if country == "UK" else country,) if country else ("JP", "US", "GB")
    for region in regions:
        with contextlib.suppress(NotANumber):
            return PhoneNumber.parse(number, region).e164
    raise ControlError(f"number {number}: not a number in {' or '.join(regions)}; write it as +81...")


def _make_room(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_socket():
        if _alive(path):
            raise ControlError(f"control {path}: another exchange serves it; stop that one or set another control")
        path.unlink()


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def place(control: Path, order: CallOrder, on_note: Callable[[dict[str, Any]], None] | None = None) -> Result:
    """Have a running exchange carry out an order; blocks until the customer is done. Raises ``ControlError``."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(control))
        except OSError:
            raise ControlError(
                f"no exchange at {control}; start one with: gateway exchange up --settings FILE"
            ) from None
        connection.sendall(msgspec.json.encode(order) + b"\n")
        with connection.makefile("rb") as answers:
            for line in answers:
                said = msgspec.json.decode(line)
                if "note" in said and on_note is not None:
                    on_note(said["note"])
                elif "error" in said:
                    raise ControlError(said["error"])
                elif "result" in said:
                    return msgspec.convert(said["result"], Result)
    raise ControlError("the exchange went away in the middle of the call")
