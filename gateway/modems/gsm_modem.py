"""python-gsmmodem-new behind one adapter: SIM, signal, operator, short messages, USSD. All of its threads are here.

The library's own read loop dies of one bad byte, drops RING that comes during a command, and knows no BUSY as the end
of one. So it gets none: ``Library`` has the port that ``CommandChannel`` reads on the event loop, every unsolicited
line goes to the driver, and what the library writes waits its turn behind the driver's commands. Its call objects are
not used.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gsmmodem.exceptions import CommandError, GsmModemException, TimeoutException
from gsmmodem.modem import GsmModem
from gsmmodem.serial_comms import SerialComms

from gateway import clock
from gateway.line import LineLost
from gateway.modems.commands import CommandChannel
from gateway.protocols.at import FINALS, Command, Reply

log = logging.getLogger(__name__)

T = TypeVar("T")

GSM_FINALS = (*FINALS, "COMMAND NOT SUPPORT")
CALL_FINALS = (*GSM_FINALS, "BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "CONNECT")
"""What may end ATD and ATA; for any other command these are news about a call."""

BUSY = ("+CME ERROR: 14", "+CME ERROR: 515")
"""SIM busy; a command under way. The library asks again until that is over, and be it for ever."""

logging.getLogger("gsmmodem").setLevel(logging.WARNING)  # below that it tells PINs and numbers

_NAMED = re.compile(r"AT([+^*#$%&][A-Z]+)", re.IGNORECASE)
_LISTS_COMMANDS = "AT+CLAC"
_USSD = re.compile(r'\+CUSD: *(\d)(?:, *"(.*)")?(?:, *(\d+))?[, ]*', re.DOTALL)
_UCS2 = re.compile(r"([0-9A-Fa-f]{4})+")


class _Wire(SerialComms):  # type: ignore[misc]  # the library is untyped
    """The library's way to its port, which is ours."""

    def connect(self) -> None:
        """The port is open, and the event loop reads it: there is no thread to start."""
        self.alive = True

    def close(self) -> None:
        """From now on nothing is written any more."""
        self.alive = False

    def write(
        self,
        data: str,
        waitForResponse: bool = True,  # noqa: N803 - the library's words
        timeout: float = 5,
        expectedResponseTermSeq: str | None = None,  # noqa: N803
    ) -> list[str]:
        """A command's information lines and its final result. Called in the worker thread only.

        Raises ``TimeoutException`` where the modem is lost, or too busy.
        """
        del waitForResponse  # one command at a time, or replies would be mixed up
        if not self.alive:
            raise TimeoutException
        text = data.removesuffix("\r")
        command = Command(
            text,
            information=_belonging(text),
            finals=GSM_FINALS,
            prompt=expectedResponseTermSeq or "",
            end=data[len(text) :],
        )
        try:
            reply = asyncio.run_coroutine_threadsafe(self.answer(command, timeout), self.loop).result()
        except LineLost:
            raise TimeoutException from None
        if reply.result in BUSY:
            raise TimeoutException
        return [*map(_plain_ussd, reply.information), reply.result]


def _belonging(text: str) -> tuple[str, ...]:
    """How the information lines of a command begin: plainly, or with its own name."""
    if text == _LISTS_COMMANDS:
        return ("", "+", "^", "&", "*", "$", "#")
    named = _NAMED.match(text)
    return ("", named[1] if named else "+CMGS")  # what is no command is a short message


def _plain_ussd(text: str) -> str:
    """An answer to USSD as the library reads it: never without text or coding, nor in UCS2 (3GPP TS 23.038, 5)."""
    answer = _USSD.fullmatch(text)
    if answer is None:
        return text
    said, coding = answer[2] or "", answer[3]
    if coding == "72" and _UCS2.fullmatch(said):
        said = bytes.fromhex(said).decode("utf-16-be", "replace").replace('"', "'")
    return f'+CUSD: {answer[1]},"{said}",15'


class Library(GsmModem, _Wire):  # type: ignore[misc]
    """The library's modem on a channel of ours, made on the running loop. Its methods block: call them by ``run``."""

    def __init__(self, channel: CommandChannel) -> None:
        super().__init__(channel.name)
        self.loop = asyncio.get_running_loop()
        self._channel = channel
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=channel.name)
        self._ussd: list[str] = []
        _Wire.connect(self)

    async def answer(self, command: Command, within: float) -> Reply:
        """Carry out a command for the worker thread; a virtual clock, which that one stopped, goes on meanwhile."""
        if not isinstance(self.loop, clock.VirtualLoop):
            return await self._channel.ask(command, within)
        self.loop.hold(-1)
        try:
            return await self._channel.ask(command, within)
        finally:
            self.loop.hold(+1)

    async def run(self, ask: Callable[["Library"], T]) -> T | None:
        """What the library says, in its worker thread; None where the modem doesn't know the command."""
        try:
            return await clock.outside(self._worker.submit(ask, self))
        except (CommandError, IndexError):
            return None
        except (GsmModemException, TimeoutException) as error:
            log.warning("%s: %s: %r", self.port, ask, error)
            return None

    def hear(self, text: str) -> None:
        """An unsolicited line: an answer to USSD may be several, until its quotation marks match."""
        if text.startswith("+CUSD:"):
            self._ussd = [text]
        elif self._ussd:
            self._ussd.append(text)
        if self._ussd and "".join(self._ussd).count('"') % 2 == 0:
            whole, self._ussd = _plain_ussd("\r\n".join(self._ussd)), []
            if self.CUSD_REGEX.match(whole):
                self._handleUssd([whole])

    def shut(self) -> None:
        """No more work. What waits for an answer gets none."""
        _Wire.close(self)
        self._worker.shutdown(wait=False, cancel_futures=True)
