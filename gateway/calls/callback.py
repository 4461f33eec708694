"""The overseas side: take the next request, dial, lead the customer through the menu, say what became of it.

``dial_intent`` is on disk before ATD, so a crash at any later moment leaves an attempt that is "unknown" and is not
dialled again. Once a key proves that a person answered, the request is never dialled again whatever follows
(promise 3): only outcomes before that are tried again, by the lists in the settings.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway import clock
from gateway.audio.pcm import ulaw_encode
from gateway.audio.tones_table import Table
from gateway.calls.admission import Admission
from gateway.calls.budget import SETUP_TIME
from gateway.calls.conversation import Conversation
from gateway.calls.dialogue import Desk, Dialogue, Script
from gateway.calls.menu import OrderMenu
from gateway.calls.panic import stoppable
from gateway.calls.progress import AnswerWatch
from gateway.calls.queue import CallQueue
from gateway.line import Answer, CallEnded, Line, LineLost, Samples
from gateway.numbers import NotANumber
from gateway.protocols.messages import OrderLine, Outcome
from gateway.settings import CallbackSettings, LineSettings, RetrySettings
from gateway.store.bounds import Refused
from gateway.store.journal import Claimed, Overseas

log = logging.getLogger(__name__)

OUTCOMES: dict[Answer, Outcome] = {
    Answer.BUSY: "busy",
    Answer.NO_ANSWER: "no answer",
    Answer.NETWORK: "network",
    Answer.NO_DIAL_TONE: "network",
}


@dataclass(frozen=True)
class Ended:
    """How an attempt ended."""

    outcome: Outcome
    talk_seconds: float = 0.0
    detail: str = ""


def next_attempt(retry: RetrySettings, outcome: Outcome, earlier: Sequence[Outcome], age: float) -> float | None:
    """Seconds until the request is dialled again; None: never. ``age``: of the request, seconds."""
    waits = {
        "busy": retry.busy,
        "no answer": retry.no_answer,
        "network": retry.network,
        "line lost": retry.network,
        "left early": retry.left_early,
        "machine": retry.machine,
    }.get(outcome, ())
    tried = sum(1 for one in earlier if one == outcome)
    if tried >= len(waits) or age + waits[tried] > retry.expires:
        return None
    return waits[tried]


@dataclass
class Callback:
    """Serves one overseas line."""

    line: Line
    queue: CallQueue
    journal: Overseas
    admission: Admission
    line_settings: LineSettings
    settings: CallbackSettings
    retry: RetrySettings
    scripts: dict[str, Script]
    """By language; the first also serves a language that has none."""
    hand_over: Callable[[], None]
    """Wakes the link after something was put in the outbox."""
    tones: Table | None = None
    """Further countries' tones."""

    async def serve(self) -> None:
        """Call back until cancelled. Raises ``LineLost``, also while there is nobody to be called."""
        line = asyncio.create_task(self._hear_of_line(), name=f"line {self.line.name}")
        line.add_done_callback(lambda _: self.queue.changed())
        try:
            while True:
                claimed = await self.queue.take(self.line.name, lambda: line.result() if line.done() else None)
                try:
                    await self.attempt(claimed)
                finally:
                    self.queue.done()
        finally:
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)

    async def _hear_of_line(self) -> None:
        """Raises ``LineLost``. Who calls this line is not served: it rings."""
        async for _ in self.line.incoming():
            continue

    async def attempt(self, claimed: Claimed) -> None:
        """Dial one request once and note what became of it."""
        now = clock.wall_clock()
        admit = self.admission.dialling(claimed.number, self.line_settings, now)
        try:
            self._check(claimed, now)
            attempt = await self.journal.dial_intent(
                claimed.request, self.line.name, now, admit, self.line_settings.route
            )
        except Refused as refusal:
            await self._refuse(claimed, refusal)
            return
        self.admission.noted(claimed.number, now)
        log.info("line %s: calling %s back, attempt %d", self.line.name, claimed.number, attempt)
        try:
            ended = await self._call(claimed, attempt)
        except LineLost as lost:
            await self._note(claimed, attempt, Ended("line lost", detail=str(lost)))
            raise
        await self._note(claimed, attempt, ended)

    def _check(self, claimed: Claimed, now: float) -> None:
        """Raise ``Refused`` for what needs no look into the store."""
        if now - claimed.accepted_at > self.retry.expires:
            raise Refused("age", "the request is older than retry.expires")
        if refusal := self.admission.policy.refusal(claimed.number, now):
            raise refusal

    async def _refuse(self, claimed: Claimed, refusal: Refused) -> None:
        """Close the request; with the panic stop pulled it waits instead."""
        if refusal.layer == "stop":
            await self.journal.unclaim(claimed.request)
            return
        log.warning("request %s: %s refused: %s", claimed.request, claimed.number, refusal)
        await self.journal.close(claimed.request, outcome="refused", at=clock.wall_clock(), detail=str(refusal))
        self.hand_over()

    async def _call(self, claimed: Claimed, attempt: int) -> Ended:
        """One dialling, under the hard cap. Raises ``LineLost``."""
        answered_at: float | None = None
        dialogue: Dialogue | None = None
        try:
            async with (
                asyncio.timeout(SETUP_TIME + self.settings.ring_time) as cap,
                stoppable(cap, lambda: self.admission.policy.stopped),
                self.line.dialled(claimed.number) as result,
            ):
                if isinstance(result, Answer):
                    return Ended(OUTCOMES[result], detail=result.value)
                conversation = Conversation(result, claimed.number.region, self.tones)
                failed = await self._await_answer(conversation, told=result.answer_told)
                if failed is not None:
                    return Ended(OUTCOMES[failed], detail=f"{failed.value}, by ear")
                answered_at = clock.now()
                cap.reschedule(answered_at + self.admission.policy.settings.max_call)
                dialogue = self._dialogue(claimed, attempt, conversation)
                outcome = await dialogue.run()
                return Ended(outcome, clock.now() - answered_at)
        except CallEnded as ended:
            return Ended("network", detail=f"ended before it was answered: {ended}")
        except NotANumber as error:
            return Ended("refused", detail=str(error))
        except TimeoutError:
            stopped = "cut by the panic stop" if self.admission.policy.stopped else ""
            if dialogue is None or answered_at is None:
                return Ended("no answer", detail=stopped or "rang for callback.ring_time")
            return Ended(dialogue.outcome, clock.now() - answered_at, stopped or "cut at policy.max_call")

    async def _await_answer(self, conversation: Conversation, *, told: bool) -> Answer | None:
        watch = AnswerWatch(self.settings.ring_time, told)
        began = clock.now()
        while not watch.answered:
            moment = await conversation.listen()
            if (failed := watch.feed(moment.tones, clock.now() - began)) is not None:
                return failed
        conversation.answered = True
        return None

    def _dialogue(self, claimed: Claimed, attempt: int, conversation: Conversation) -> Dialogue:
        script = self.scripts.get(claimed.language) or next(iter(self.scripts.values()))
        confirmations = 0

        async def place(lines: tuple[OrderLine, ...]) -> str:
            nonlocal confirmations
            confirmations += 1
            number = await self.journal.confirm_order(
                claimed.request, attempt, lines, at=clock.wall_clock(), confirmation=confirmations
            )
            self.hand_over()
            return number

        async def keep_message(subject: str, sound: Samples) -> None:
            await self.journal.add_recording(
                claimed.request, subject=subject, sound=ulaw_encode(sound), at=clock.wall_clock()
            )
            self.hand_over()

        async def answered() -> None:
            await self.journal.answered(claimed.request, attempt, clock.wall_clock())

        desk = Desk(place, self.journal.order_acknowledged, keep_message, answered)
        menu = OrderMenu(script.menu, self.settings.human_check)
        return Dialogue(menu, conversation, script.prompts, desk)

    async def _note(self, claimed: Claimed, attempt: int, ended: Ended) -> None:
        now = clock.wall_clock()
        wait = next_attempt(self.retry, ended.outcome, claimed.outcomes, now - claimed.accepted_at)
        closed = await self.journal.attempt_ended(
            claimed.request,
            attempt,
            outcome=ended.outcome,
            at=now,
            next_at=None if wait is None else now + wait,
            talk_seconds=ended.talk_seconds,
            detail=ended.detail,
        )
        again = "closed" if closed else f"again in {wait:.0f} s"
        log.info("line %s: %s: %s (%s), %s", self.line.name, claimed.number, ended.outcome, ended.detail, again)
        self.admission.ended(ended.talk_seconds, now)
        self.queue.changed()
        self.hand_over()
