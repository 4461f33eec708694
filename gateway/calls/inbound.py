"""The menu on the call that the customer has made himself, where that costs less than calling back.

A mobile customer of a freephone number may cost less on his own call than guidance, call-back and link together. He
is accepted like everybody else, his request held on disk; what he orders or says forgets it (``store/inbound.py``).
One who leaves before anything came of the call, out of habit or by accident, is called back.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from gateway import clock
from gateway.audio.pcm import ulaw_encode
from gateway.audio.tones_table import Table
from gateway.calls.conversation import Conversation
from gateway.calls.dialogue import Desk, Dialogue, Script
from gateway.calls.least_cost import CostBook
from gateway.calls.menu import OrderMenu
from gateway.calls.panic import stoppable
from gateway.calls.policy import Policy
from gateway.line import CallEnded, IncomingCall, Samples, Voice
from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.messages import OrderLine
from gateway.settings import LineSettings
from gateway.store.inbound import InboundCalls

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InboundMenu:
    """Serves the callers of every line. ``book``: the prices as they are now."""

    calls: InboundCalls
    policy: Policy
    script: Script
    book: Callable[[], CostBook]
    tones: Table | None = None
    """Further countries' tones."""

    def is_cheaper(self, number: PhoneNumber, line: LineSettings, at: float, *, peer_away: bool) -> bool:
        """Whether to serve ``number`` on a call into ``line``: for less, or because nobody can call back now.

        Never where the call into the line is not ours to pay for: saving that is what customers ring us for.
        """
        return self.book().inbound_is_cheaper(line, number, at, call_back=not peer_away)

    async def serve(self, voice: Voice, call: IncomingCall, request: str, line: LineSettings) -> bool:
        """Lead the caller through the menu; True if he was served.

        Raises ``CallEnded`` for a number that was masked meanwhile, ``LineLost``, ``StoreError``.
        """
        _check_not_masked(call)
        answered_at = clock.now()
        if not await self.calls.begin(request, line.name, clock.wall_clock()):
            return False
        conversation = Conversation(voice, line.country, self.tones)
        conversation.answered = True
        dialogue = Dialogue(
            OrderMenu(self.script.menu), conversation, self.script.prompts, self._desk(call, request), inbound=True
        )
        detail = ""
        try:
            async with (
                asyncio.timeout(self.policy.settings.max_call) as cap,
                stoppable(cap, lambda: self.policy.stopped),
            ):
                await dialogue.run()
        except TimeoutError:
            detail = "cut by the panic stop" if self.policy.stopped else "cut at policy.max_call"
        finally:
            served = await asyncio.shield(
                self.calls.ended(
                    request,
                    outcome=dialogue.outcome,
                    talk_seconds=clock.now() - answered_at,
                    at=clock.wall_clock(),
                    detail=detail,
                )
            )
        log.info("line %s: served on the call itself: %s %s", line.name, dialogue.outcome, detail)
        return served

    def _desk(self, call: IncomingCall, request: str) -> Desk:
        async def place(lines: tuple[OrderLine, ...]) -> str:
            _check_not_masked(call)
            return await self.calls.place(request, lines, clock.wall_clock())

        async def keep_message(subject: str, sound: Samples) -> None:
            _check_not_masked(call)
            await self.calls.keep_message(request, subject=subject, sound=ulaw_encode(sound), at=clock.wall_clock())

        async def at_shop(order_number: str) -> bool:
            return True

        async def answered() -> None:
            """Nothing to note: this call is not dialled."""

        return Desk(place, at_shop, keep_message, answered)


def _check_not_masked(call: IncomingCall) -> None:
    """Raise ``CallEnded`` for a caller whose number the exchange has masked since: he was never accepted."""
    if isinstance(call.caller, Withheld):
        raise CallEnded("the number was masked afterwards")
