"""Leads one answered customer through the menu: the menu's steps out to the conversation, its events back in."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from gateway import clock
from gateway.audio.pcm import level
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.audio.tones import Answered
from gateway.calls.conversation import Conversation
from gateway.calls.menu import KEYS, Connect, HangUp, OrderMenu, Place, Record, Say, Step
from gateway.calls.menu_nodes import Menu
from gateway.errors import StoreError
from gateway.line import SAMPLE_RATE, CallEnded, Samples
from gateway.protocols.messages import OrderLine, Outcome

FELL_SILENT = 5.0
"""Seconds without speech that end a recording."""
SPEECH_DBM0 = -42.0
SHORTEST_MESSAGE = 0.7
"""Seconds of speech without which there is nothing to keep."""
ASK_FOR_ACK = 0.25
"""Seconds between two looks whether the shop has acknowledged the order."""


@dataclass(frozen=True)
class Script:
    """What customers hear in one language."""

    menu: Menu
    prompts: PromptLibrary


@dataclass(frozen=True)
class Desk:
    """Where orders and messages are put on disk; each returns only then. They raise ``StoreError``."""

    place: Callable[[tuple[OrderLine, ...]], Awaitable[str]]
    """Order lines → order number, to be spoken."""
    at_shop: Callable[[str], Awaitable[bool]]
    """Whether the domestic box has acknowledged that order."""
    keep_message: Callable[[str, Samples], Awaitable[None]]
    """Subject and sound of a question or complaint."""
    answered: Callable[[], Awaitable[None]]
    """A key has come: a person is there, and this request is never dialled again."""


class Dialogue:
    """One customer, one menu. ``run`` returns what the call was."""

    def __init__(
        self, menu: OrderMenu, conversation: Conversation, prompts: PromptLibrary, desk: Desk, *, inbound: bool = False
    ) -> None:
        """``inbound``: on a call that the customer has made himself."""
        self._menu = menu
        self._inbound = inbound
        self._conversation = conversation
        self._prompts = prompts
        self._desk = desk
        self._steps: deque[Step] = deque()
        self._person, self._rings = inbound, False
        self._order: str | None = None
        self._asked_at = 0.0

    @property
    def outcome(self) -> Outcome:
        """What the call was, should it end now."""
        if self._menu.outcome != "left early":
            return self._menu.outcome
        if self._rings:
            return "no answer"
        return "machine" if self._at_machine else "left early"

    @property
    def _at_machine(self) -> bool:
        return not self._person and self._conversation.answering.answered is Answered.MACHINE

    async def run(self) -> Outcome:
        """To the end of the call; a far end that hangs up ends it too. Raises ``LineLost``."""
        try:
            self._then(self._menu.start(clock.now(), inbound=self._inbound))
            while (outcome := await self._carry_out()) is None:
                if await self._attend():
                    return "machine"
            return "no answer" if self._rings else outcome
        except CallEnded:
            return self.outcome

    async def _carry_out(self) -> Outcome | None:
        """Do what can be done at once; an outcome when the menu hangs up."""
        while self._steps:
            step = self._steps[0]
            if isinstance(step, Record | Connect | HangUp) and self._conversation.speaking:
                return None
            self._steps.popleft()
            match step:
                case Say(phrase, bargeable):
                    self._conversation.say(self._prompts.sound(phrase), bargeable=bargeable)
                case Place(lines):
                    self._then(await self._place(lines))
                case Record(subject, max_seconds):
                    self._then(await self._record(subject, max_seconds))
                case Connect():
                    self._then(self._menu.not_connected(clock.now()))
                case HangUp(outcome):
                    return outcome
        return None

    async def _attend(self) -> bool:
        """One moment of the call; true if a machine has answered and been left its message."""
        moment = await self._conversation.listen()
        for key in moment.keys:
            if key in KEYS:
                await self._pressed(key)
        self._rings = not self._person and (self._rings or any(tone.name == "ringback" for tone in moment.tones))
        if moment.spoken and not self._steps:
            self._then(self._menu.spoken(clock.now()))
        deadline = self._menu.deadline
        if deadline is not None and clock.now() >= deadline:
            self._then(self._menu.tick(clock.now()))
        await self._look_for_ack()
        return self._at_machine and await self._leave_message()

    async def _pressed(self, key: str) -> None:
        if not self._person:
            self._person = True
            await self._desk.answered()
        self._conversation.barge_in()
        self._then(self._menu.press(key, clock.now()))
        await self._carry_out()

    async def _place(self, lines: tuple[OrderLine, ...]) -> list[Step]:
        try:
            self._order = await self._desk.place(lines)
        except StoreError:
            return self._menu.not_placed(clock.now())
        return self._menu.placed(self._order, clock.now())

    async def _look_for_ack(self) -> None:
        now = clock.now()
        if self._order is None or now - self._asked_at < ASK_FOR_ACK:
            return
        self._asked_at = now
        if await self._desk.at_shop(self._order):
            order, self._order = self._order, None
            self._then(self._menu.acknowledged(order, now))

    async def _record(self, subject: str, max_seconds: float) -> list[Step]:
        began = clock.now()
        spoke_at, spoke_for = began, 0.0
        pieces: list[Samples] = []
        try:
            while clock.now() - began < max_seconds and clock.now() - spoke_at < FELL_SILENT:
                moment = await self._conversation.listen()
                if moment.keys:
                    break
                pieces.append(moment.sound)
                if len(moment.sound) and level(moment.sound) > SPEECH_DBM0:
                    spoke_at = clock.now()
                    spoke_for += len(moment.sound) / SAMPLE_RATE
        finally:
            kept = spoke_for >= SHORTEST_MESSAGE and await self._kept(subject, np.concatenate(pieces))
            steps = self._menu.recorded(clock.now(), kept=kept)
        return steps

    async def _kept(self, subject: str, sound: Samples) -> bool:
        try:
            await self._desk.keep_message(subject, sound)
        except StoreError:
            return False
        return True

    async def _leave_message(self) -> bool:
        """After the machine's greeting and beep; false if a key shows that it was a person who spoke so long."""
        self._conversation.barge_in()
        while not self._conversation.answering.greeting_over:
            for key in (await self._conversation.listen()).keys:
                if key in KEYS:
                    await self._pressed(key)
            if self._person:
                return False
        await self._conversation.say_to_the_end(self._prompts.sound((Clip("machine_message"),)))
        return True

    def _then(self, steps: list[Step]) -> None:
        self._steps.extend(steps)
