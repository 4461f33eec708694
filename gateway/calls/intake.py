"""The domestic side of a call: screen the caller, keep the request, say so, hang up, hand over.

The order is the promise: the request is on disk before anyone says "accepted" (promise 1), and it is handed to the
overseas box only once the line is on hook again, so that the customer's telephone is free when it is called back.
Where the menu on this very call costs less (``inbound.py``) it is led through it, and called back only if that failed.
A caller who leaves early has been accepted all the same. A number that the exchange masks after sending it is
withdrawn before the hand-over.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway import clock
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.calls.admission import Admission
from gateway.calls.inbound import InboundMenu
from gateway.calls.screening import WITHHELD_WORDS, Screening, Verdict
from gateway.errors import StoreError
from gateway.line import CallEnded, IncomingCall, Line
from gateway.numbers import Withheld
from gateway.settings import LineSettings
from gateway.store.bounds import Refused
from gateway.store.journal import Domestic

log = logging.getLogger(__name__)

OFF_HOOK_CAP = 4.7
"""Seconds off hook at most, whatever plays: the first leg is to stay within 5 s, hanging up included."""


@dataclass
class Intake:
    """Serves one domestic line."""

    line: Line
    settings: LineSettings
    language: str
    prompts: PromptLibrary
    journal: Domestic
    screening: Screening
    admission: Admission
    peer_away: Callable[[], bool]
    hand_over: Callable[[], None]
    """Wakes the link after a release."""
    inbound: InboundMenu | None = None
    """For callers who are served on the call that they have made."""

    async def serve(self) -> None:
        """Take calls until cancelled. Raises ``LineLost``."""
        if await self.journal.release_held(self.line.name):
            self.hand_over()
        async for call in self.line.incoming():
            await self.take(call)

    async def take(self, call: IncomingCall) -> None:
        """One inbound call, from its settled caller ID to the line being free again."""
        verdict, request = await self._judge(call)
        log.info("line %s: %s: %s", self.line.name, call.caller, verdict.reason or "accepted")
        if not verdict.accepted:
            await self._note_refusal(call, verdict)
        try:
            if verdict.menu and request is not None:
                await self._serve(call, request)
            elif verdict.clip is None:
                await self.line.reject(call)
            else:
                await self._guide(call, verdict.clip, request)
        finally:
            if request is not None:
                await asyncio.shield(self._release(call, request))

    async def _judge(self, call: IncomingCall) -> tuple[Verdict, str | None]:
        caller, now = call.caller, clock.wall_clock()
        verdict = self._verdict(call, now)
        if not verdict.accepted or isinstance(caller, Withheld):
            return verdict, None
        try:
            accepted = await self.journal.accept(
                caller,
                line=self.line.name,
                called=self.settings.number,
                language=self.language,
                at=now,
                admit=self.admission.caller(caller, self.settings, now, menu=verdict.menu),
            )
        except Refused as refusal:
            self.admission.noted(caller, now)
            return self._refused(refusal), None
        except StoreError as error:
            log.error("line %s: the request can't be kept: %s", self.line.name, error)
            return self.screening.not_kept(f"the request could not be kept: {error}"), None
        if accepted.joined:
            return replace(verdict, menu=False), accepted.request
        self.admission.noted(caller, now)
        return verdict, accepted.request

    def _verdict(self, call: IncomingCall, now: float) -> Verdict:
        caller, away = call.caller, self.peer_away()
        menu = (
            self.inbound is not None
            and not isinstance(caller, Withheld)
            and self.inbound.is_cheaper(caller, self.settings, now, peer_away=away)
        )
        return self.screening.verdict(caller, now, peer_away=away, menu=menu)

    def _refused(self, refusal: Refused) -> Verdict:
        verdict = self.screening.refused(refusal)
        if refusal.layer == "spend" and self.settings.incoming is not None:
            return replace(verdict, clip=None)  # a guidance that we would have to pay for
        return verdict

    async def _note_refusal(self, call: IncomingCall, verdict: Verdict) -> None:
        try:
            await self.journal.record_refused(
                line=self.line.name, caller=call.caller, reason=verdict.reason, at=clock.wall_clock()
            )
        except StoreError as error:
            log.error("line %s: the refusal can't be noted: %s", self.line.name, error)

    async def _serve(self, call: IncomingCall, request: str) -> None:
        """The menu on this call. Whoever it has not served is called back, as is one who gave up before we lifted."""
        assert self.inbound is not None
        began = clock.wall_clock()
        try:
            async with self.line.answered(call) as voice:
                began = clock.wall_clock()
                await self.inbound.serve(voice, call, request, self.settings)
        except CallEnded:
            log.info("line %s: the caller left before he was served", self.line.name)
        except StoreError as error:
            log.error("line %s: what became of the call can't be kept: %s", self.line.name, error)
        finally:
            await asyncio.shield(self.journal.leg_ended(request, off_hook_at=began, on_hook_at=clock.wall_clock()))

    async def _guide(self, call: IncomingCall, clip: str, request: str | None) -> None:
        sound = self.prompts.sound((Clip(clip),))
        began = clock.wall_clock()
        try:
            async with self.line.answered(call) as voice, asyncio.timeout(OFF_HOOK_CAP):
                began = clock.wall_clock()
                voice.play(sound)
                await voice.played()
        except CallEnded:
            log.info("line %s: the caller left during the guidance", self.line.name)
        except TimeoutError:
            log.warning("line %s: the guidance is longer than %.1f s and was cut", self.line.name, OFF_HOOK_CAP)
        if request is not None:
            await self.journal.leg_ended(request, off_hook_at=began, on_hook_at=clock.wall_clock())

    async def _release(self, call: IncomingCall, request: str) -> None:
        if isinstance(call.caller, Withheld):
            await self.journal.withdraw(request, WITHHELD_WORDS[call.caller.reason])
            log.info("line %s: the number was masked afterwards; request withdrawn", self.line.name)
            return
        if self.screening.guidance.settle:
            await asyncio.sleep(self.screening.guidance.settle)
        await self.journal.release(request)
        self.hand_over()
