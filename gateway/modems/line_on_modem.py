"""What a line has in common whatever modem it is on: calls handed out, one user at a time, what falls due, its end."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from gateway.line import IncomingCall, LineLost
from gateway.modems.background import Background
from gateway.modems.commands import CommandChannel

log = logging.getLogger(__name__)


class LineOnModem(ABC):
    """The shared part of ``VoiceModem`` and ``GsmLine``, which set ``_channel`` before anything else is called."""

    _channel: CommandChannel

    def __init__(self, name: str, port: str) -> None:
        """``port``: its name, for the tasks of this line."""
        self.name = name
        self._rung: asyncio.Queue[IncomingCall | None] = asyncio.Queue()
        self._call: IncomingCall | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._lost: LineLost | None = None
        self._in_use = False
        self._background = Background(port)

    async def incoming(self) -> AsyncIterator[IncomingCall]:
        """Calls as they ring, each once, when its caller ID is settled. Raises ``LineLost``."""
        while True:
            if self._lost:
                raise self._lost
            call = await self._rung.get()
            if call is not None:
                yield call

    async def close(self) -> None:
        """On hook, and the ports free for others. No effect when closed."""
        if self._lost is None:
            try:
                if self._in_use:
                    await self._hang_up()
            except LineLost as lost:
                log.warning("%s", lost)
            self._lost = LineLost(f"{self._channel.name} is closed")
        self._shut()

    @property
    def in_call(self) -> bool:
        """Off hook, or about to be."""
        return self._in_use

    @property
    def heard_at(self) -> float:
        """Loop time of the last byte from the modem; an idle one is asked every half minute."""
        return self._channel.heard_at

    @abstractmethod
    async def _hang_up(self) -> None:
        """End our call; the line is free then, or ``LineLost``."""

    @abstractmethod
    def _time_passes(self) -> None:
        """What fell due is to be looked at."""

    def _shut(self) -> None:
        self._background.cancel()
        self._cancel_tick()
        self._channel.close()

    def _begin_use(self) -> None:
        if self._lost:
            raise self._lost
        assert not self._in_use, f"line {self.name} is in use"
        self._in_use = True

    def _note_loss(self, lost: LineLost) -> None:
        """Whoever waits for calls is told, and nothing falls due any more."""
        self._lost = lost
        self._cancel_tick()
        self._rung.put_nowait(None)

    def _wake_at(self, due: float | None) -> None:
        """``_time_passes`` is called at this loop time, and at no other; None: not at all."""
        self._cancel_tick()
        if due is not None and self._lost is None:
            self._tick = asyncio.get_running_loop().call_at(due, self._time_passes)

    def _cancel_tick(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
