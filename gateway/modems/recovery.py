"""The recovery ladder: what is tried, in which order, to have a lost line served again.

Opening the line again comes first (it sends AT, ends whatever was under way, and ATZ). Then the rungs of ``RUNGS``, and
from then on the strongest of them again and again, ever more rarely, with the line opened every few seconds between.
A line that is lost has no call, so its own modem may be treated roughly. Other lines may have one: the places of
their modems go with each request for power, and are spared on a hub that switches all its ports at once. When no line
at all has been served for long, the service ends (systemd starts it again), and asks for a restart of the machine.
"""

import asyncio
import json
import logging
import os
from collections import Counter
from collections.abc import Collection
from enum import Enum
from pathlib import Path
from typing import Protocol

from gateway.line import LineLost
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_profiles import GsmProfile
from gateway.modems.losses import Gone, Mute, NoNetwork, Silent
from gateway.modems.serial_port import Port, SerialPort
from gateway.modems.trace import Trace
from gateway.protocols.at import Command
from gateway.settings import LineSettings

log = logging.getLogger(__name__)


class Rung(Enum):
    """One thing to try."""

    REOPEN = "opened again"
    RESET = "reset by AT+CFUN=1,1"
    REBIND = "taken off the USB bus and back"
    POWER = "switched off and on at its USB port"


RUNGS: dict[type[LineLost], tuple[Rung, ...]] = {
    # after the first failure, the second, ...
    Silent: (Rung.REOPEN, Rung.REBIND, Rung.POWER),
    Mute: (Rung.RESET, Rung.REBIND, Rung.POWER),
    NoNetwork: (Rung.REOPEN, Rung.RESET, Rung.REBIND, Rung.POWER),
    Gone: (Rung.REOPEN,) * 15 + (Rung.POWER,),
}
BACK_OFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the line is opened again; the last repeats, so that a replugged modem serves within 10 s."""
AGAIN = (60.0, 300.0, 900.0, 3600.0)
"""Seconds until the strongest rung is taken once more; the last repeats."""
STEADY = 60.0
"""Seconds of service after which earlier failures are forgotten."""
RESET_TIME = 15.0
"""Seconds that a mobile modem takes for AT+CFUN=1,1."""
HELP_WITHIN = 20.0
"""Seconds for the helper; it takes 2 to 8."""


class Ladder:
    """Of one line. ``now`` is loop time. ``taken`` counts the rungs since the start."""

    def __init__(self) -> None:
        self.taken: Counter[Rung] = Counter()
        self._failures = 0
        self._served_at: float | None = None
        self._strongest_due = 0.0
        self._strongest_taken = 0

    def serves(self, now: float) -> None:
        """The line has been opened."""
        self._served_at = now

    def lost(self, why: LineLost, now: float) -> tuple[Rung, float]:
        """What to try next, and the seconds to wait before."""
        if self._served_at is not None and now - self._served_at >= STEADY:
            self._failures = self._strongest_taken = 0
        self._served_at = None
        wait = BACK_OFF[min(self._failures, len(BACK_OFF) - 1)]
        rung = self._rung(RUNGS.get(type(why), ()), now)
        self._failures += 1
        self.taken[rung] += 1
        if rung is not Rung.REOPEN:
            wait = BACK_OFF[0]
        return rung, wait

    def climbing(self, why: LineLost) -> bool:
        """Whether a rung that was not tried yet is left for this."""
        return self._failures <= len(RUNGS.get(type(why), ())) and type(why) is Silent

    def _rung(self, rungs: tuple[Rung, ...], now: float) -> Rung:
        if not rungs:
            return Rung.REOPEN
        if self._failures < len(rungs) - 1:
            return rungs[self._failures]
        if self._strongest_taken and now < self._strongest_due:
            return Rung.REOPEN
        self._strongest_due = now + AGAIN[min(self._strongest_taken, len(AGAIN) - 1)]
        self._strongest_taken += 1
        return rungs[-1]


class Help(Protocol):
    """What needs more rights than the daemon has."""

    async def cycle(self, line: str, place: str, rung: Rung, spare: Collection[str]) -> bool:
        """Take the USB device at ``place`` (``1-1.2``) off and back, without harm to those at ``spare``, or not at all.

        Whether the request was taken up. Never raises.
        """

    def note_served(self) -> None:
        """A line is served."""

    def ask_for_restart(self) -> None:
        """Nothing else has helped: restart the machine, if the helper sees it so, too."""


class Requests:
    """Asks the helper (``gateway recover``, run by root) by files in a folder that both know."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_service(cls) -> "Requests | None":
        """In the service's own folder; None where no service manager has made one."""
        folder = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        return cls(Path(folder) / "requests") if folder else None

    async def cycle(self, line: str, place: str, rung: Rung, spare: Collection[str]) -> bool:
        """Ask, and wait for the file to be taken away."""
        request = self._put(line, {"do": rung.name.lower(), "place": place, "spare": sorted(spare)})
        if request is None:
            return False
        waited = 0.0
        while request.exists():
            if waited >= HELP_WITHIN:
                request.unlink(missing_ok=True)
                log.warning("line %s: nobody heeds %s; is gateway-recovery.path enabled?", line, request)
                return False
            await asyncio.sleep(0.2)
            waited += 0.2
        return True

    def note_served(self) -> None:
        """By the time of a file."""
        try:
            (self._folder.parent / "served").touch()
        except OSError as error:
            log.debug("%s: %s", self._folder, error)

    def ask_for_restart(self) -> None:
        """Ask; nobody waits for it."""
        self._put("box", {"do": "restart"})

    def _put(self, name: str, what: dict[str, object]) -> Path | None:
        request = self._folder / f"{name}.json"
        draft = self._folder.parent / f".{name}.json"
        try:
            self._folder.mkdir(exist_ok=True)
            self._folder.chmod(0o770)  # the helper is of our group
            draft.write_text(json.dumps(what), encoding="ascii")
            draft.chmod(0o640)
            draft.replace(request)
        except OSError as error:
            log.warning("line %s: the helper can't be asked: %s", name, error)
            return None
        return request


async def reset(line: LineSettings, profile: object, port: Port | None = None) -> bool:
    """AT+CFUN=1,1 to a mobile modem, and the time that it takes; whether that was sent. Never raises."""
    if not isinstance(profile, GsmProfile):
        return False
    try:
        plug = port or SerialPort(line.port, line.baud, line.name)
    except LineLost:
        return False
    channel = CommandChannel(plug, Trace(None, plug.name), lambda event: None, lambda lost: None)
    try:
        await channel.flush(b"", 0.2)
        await channel.ask(Command("AT+CFUN=1,1"), 5.0)
    except LineLost as lost:
        log.debug("%s", lost)
    finally:
        channel.close()
    await asyncio.sleep(RESET_TIME)
    return True
