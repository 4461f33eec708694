"""The order menu as a pure machine: keys, silences and time in, steps out.

    machine = OrderMenu(menu, human_check=30.0)
    steps = machine.start(now)

Whoever runs it (the interpreter) carries out the steps in order, and calls

* ``press`` for each key. If what plays is bargeable, it is cut short and whatever was queued behind it is dropped
  *before* the steps that ``press`` returns are carried out;
* ``spoken`` when everything queued has been heard to the end (not when it was cut short);
* ``tick`` when ``deadline`` has come; it is read again after each call, and is ``None`` while we speak or while an
  answer is due;
* ``placed`` or ``not_placed`` in answer to ``Place``, ``recorded`` to ``Record``, ``talk_over`` or ``not_connected`` to
  ``Connect``; ``acknowledged`` if the shop's box has acknowledged the order while the call lasts.

``Say`` and ``Place`` take effect at once; ``Record``, ``Connect`` and ``HangUp`` when what was said before has been
heard. A caller who hangs up is simply not heard of again: what he did not confirm is nothing, and ``outcome`` says what
the call was.

What a key or a silence does depends on the stage:

    CHECK       any key: the next node         silence: the greeting again, until ``human_check`` has passed
    CHOICE      a key of the node: its target  another key or silence: again; after ``tries`` the ``otherwise`` node
    ORDER       ``order_entry.py``
    INVITED     before the beep: any key brings the beep at once
    TELLING     words that must be heard (the order number): keys are kept and count afterwards
    PLACING     the order is being put on disk: keys are kept likewise
    RECORDING, CONNECTED, OVER: keys are not ours
"""

import math
from dataclasses import dataclass
from enum import Enum, auto

from gateway.audio.prompts import FULL_STOP, Clip, Digits, Pause, Phrase
from gateway.calls.menu_nodes import (
    Announcement,
    Check,
    Choice,
    End,
    HearOrder,
    Menu,
    Operator,
    RecordMessage,
    TakeOrder,
    phrase,
)
from gateway.calls.order_entry import OrderEntry, Reply, read_out
from gateway.protocols.messages import OrderLine, Outcome


@dataclass(frozen=True)
class Say:
    """Speak; a key cuts it short if it is bargeable."""

    phrase: Phrase
    bargeable: bool = True


@dataclass(frozen=True)
class Place:
    """Put the confirmed order on disk; answer with ``placed`` or ``not_placed``."""

    lines: tuple[OrderLine, ...]


@dataclass(frozen=True)
class Record:
    """Record the caller until he presses a key, falls silent or ``max_seconds`` have passed; answer with ``recorded``.

    The key that ends it is not given to ``press``.
    """

    subject: str
    max_seconds: float


@dataclass(frozen=True)
class Connect:
    """Put the caller through to a person; answer with ``talk_over`` or ``not_connected``."""

    operator: str


@dataclass(frozen=True)
class HangUp:
    """The call is over."""

    outcome: Outcome


Step = Say | Place | Record | Connect | HangUp


class _Stage(Enum):
    CHECK = auto()
    CHOICE = auto()
    ORDER = auto()
    INVITED = auto()
    TELLING = auto()
    PLACING = auto()
    RECORDING = auto()
    CONNECTED = auto()
    OVER = auto()


_WAITS = frozenset({_Stage.CHECK, _Stage.CHOICE, _Stage.ORDER})
"""The stages in which silence has a meaning."""
_DEAF = frozenset({_Stage.RECORDING, _Stage.CONNECTED, _Stage.OVER})
"""The stages in which keys are not ours."""
KEYS = frozenset("0123456789*#")


class OrderMenu:
    """One caller's way through a menu. Times are seconds of one clock; see the head of this file."""

    def __init__(self, menu: Menu, human_check: float = 30.0) -> None:
        self._menu = menu
        self._human_check = human_check
        self._node = menu.nodes[menu.start]
        self._stage = _Stage.OVER
        self._entry = OrderEntry(menu.catalogue, menu.limits)
        self._began = 0.0
        self._quiet_since = math.inf  # infinite while we speak
        self._misses = 0
        self._kept_keys = ""
        self._then = menu.start
        self._pressed = self._message = self._at_shop = self._told_at_shop = False
        self._order: tuple[str, tuple[OrderLine, ...]] | None = None

    @property
    def deadline(self) -> float | None:
        """When to ``tick`` next, if no key comes before."""
        if self._stage not in _WAITS or math.isinf(self._quiet_since):
            return None
        return min(self._quiet_since + self._patience(), self._began + self._menu.times.call)

    @property
    def outcome(self) -> Outcome:
        """What the call was, should the caller hang up now."""
        if self._order:
            return "order"
        if self._message:
            return "message"
        return "talked" if self._pressed else "left early"

    def start(self, now: float, *, inbound: bool = False) -> list[Step]:
        """The call has been answered; ``inbound``: by us, so that there is no doubt that a person has it."""
        self._began = now
        first = self._menu.nodes[self._menu.start]
        if not inbound or not isinstance(first, Check):
            return self._speaking(self._go(self._menu.start))
        welcome: list[Step] = [Say(phrase(first.welcome))] if first.welcome else []
        return self._speaking(welcome + self._go(first.next))

    def press(self, key: str, now: float) -> list[Step]:
        """The caller pressed a key; anything but ``0`` to ``9``, ``*`` and ``#`` is ignored."""
        if key not in KEYS or self._stage in _DEAF:
            return []
        self._pressed = True
        if self._keeps_keys():
            self._kept_keys += key
            return []
        self._quiet_since = now
        if self._out_of_time(now):
            return self._speaking(self._time_up())
        return self._speaking(self._pressed_in_stage(key))

    def spoken(self, now: float) -> list[Step]:
        """Everything said has been heard to the end: waiting times count from here."""
        self._quiet_since = now
        if self._stage is _Stage.INVITED:
            return self._speaking(self._beep())
        if self._stage is not _Stage.TELLING:
            return []
        steps = self._go(self._then)
        keys, self._kept_keys = self._kept_keys, ""
        for index, key in enumerate(keys):
            if self._keeps_keys():
                self._kept_keys = keys[index:]
            if self._keeps_keys() or self._stage in _DEAF:
                break
            steps = _cut_short(steps) + self._pressed_in_stage(key)
        return self._speaking(steps)

    def tick(self, now: float) -> list[Step]:
        """The deadline has come; before it nothing happens."""
        if self.deadline is None or now < self.deadline:
            return []
        self._quiet_since = now
        if self._out_of_time(now):
            return self._speaking(self._time_up())
        return self._speaking(self._silence(now))

    def placed(self, order_number: str, now: float) -> list[Step]:
        """The order is on disk, under this number."""
        self._order = (order_number, self._entry.lines)
        self._at_shop = self._told_at_shop = False
        assert isinstance(self._node, TakeOrder)
        return self._tell(
            (Clip("order_kept"), *self._number(), Clip("order_number_again"), *self._number()[1:]), self._node.next
        )

    def not_placed(self, now: float) -> list[Step]:
        """The order could not be kept: nothing has been ordered."""
        assert isinstance(self._node, TakeOrder)
        return self._tell((Clip("order_failed"),), self._node.otherwise)

    def acknowledged(self, order_number: str, now: float) -> list[Step]:
        """The shop's box has this order; said at once while its number is being said, else at the next occasion."""
        if self._order is None or self._order[0] != order_number:
            return []
        self._at_shop = True
        if self._stage is not _Stage.TELLING:
            return []
        return [Say(self._news_from_shop(), bargeable=False)]

    def recorded(self, now: float, *, kept: bool = True) -> list[Step]:
        """The recording is on disk; or not ``kept``: nothing was to be heard, or it could not be stored."""
        assert isinstance(self._node, RecordMessage)
        self._message = self._message or kept
        return self._speaking(self._say_and_go("message_kept" if kept else "message_not_kept", self._node.next))

    def talk_over(self, now: float) -> list[Step]:
        """The person has hung up, the caller has not."""
        assert isinstance(self._node, Operator)
        return self._speaking(self._go(self._node.next))

    def not_connected(self, now: float) -> list[Step]:
        """Nobody was free to talk."""
        assert isinstance(self._node, Operator)
        return self._speaking(self._say_and_go("operator_busy", self._node.otherwise))

    # --- walking the graph ---

    def _go(self, name: str) -> list[Step]:
        """To a node, and on to the first that waits for something."""
        steps: list[Step] = []
        while True:
            self._node = node = self._menu.nodes[name]
            self._misses = 0
            match node:
                case Announcement():
                    steps.append(Say(phrase(node.say)))
                    name = node.next
                case HearOrder():
                    steps.append(Say(self._order_read_out()))
                    name = node.next
                case _:
                    return steps + self._arrive(node)

    def _arrive(self, node: Check | Choice | TakeOrder | RecordMessage | Operator | End) -> list[Step]:
        match node:
            case Check():
                self._stage = _Stage.CHECK
                return [Say(phrase(node.say))]
            case Choice():
                self._stage = _Stage.CHOICE
                return [Say(phrase(node.say))]
            case TakeOrder():
                self._stage = _Stage.ORDER
                self._entry = OrderEntry(self._menu.catalogue, self._menu.limits)
                return [Say(self._entry.prompt())]
            case RecordMessage():
                self._stage = _Stage.INVITED
                return [Say(phrase(node.say))]
            case Operator():
                self._stage = _Stage.CONNECTED
                return [Say(phrase(node.say), bargeable=False), Connect(node.operator)]
            case End():
                return self._hang_up(phrase(node.say))

    def _hang_up(self, last_words: Phrase) -> list[Step]:
        self._stage = _Stage.OVER
        outcome = "machine" if self.outcome == "left early" else self.outcome
        return [Say((*self._news_from_shop(), *last_words), bargeable=False), HangUp(outcome)]

    # --- what a key or a silence does ---

    def _pressed_in_stage(self, key: str) -> list[Step]:
        match self._node:
            case Check(next=following):
                return self._go(following)
            case Choice(keys=keys):
                return self._go(keys[key]) if key in keys else self._missed("wrong_key")
            case TakeOrder():
                return self._continue(self._entry.press(key))
            case _:
                return self._beep()

    def _silence(self, now: float) -> list[Step]:
        match self._node:
            case Check(machine=machine) if now >= self._began + self._human_check:
                return self._go(machine)
            case Check(say=greeting):
                return [Say(phrase(greeting))]
            case TakeOrder():
                return self._continue(self._entry.silence())
            case _:
                return self._missed("not_heard")

    def _missed(self, why: str) -> list[Step]:
        assert isinstance(self._node, Choice)
        self._misses += 1
        if self._misses >= (self._node.tries or self._menu.limits.tries):
            return self._go(self._node.otherwise)
        return [Say((Clip(why), *phrase(self._node.say)))]

    def _continue(self, reply: Reply) -> list[Step]:
        assert isinstance(self._node, TakeOrder)
        said: list[Step] = [Say(reply.say)] if reply.say else []
        match reply.end:
            case "":
                return said
            case "place":
                self._stage = _Stage.PLACING
                return [Place(self._entry.lines)]
            case "given up":
                return said + self._go(self._node.otherwise)
            case _:
                return said + self._go(self._node.back)

    def _beep(self) -> list[Step]:
        assert isinstance(self._node, RecordMessage)
        self._stage = _Stage.RECORDING
        return [Say((Clip("beep"),), bargeable=False), Record(self._node.subject, self._node.max_seconds)]

    # --- time ---

    def _patience(self) -> float:
        times = self._menu.times
        match self._node:
            case Check():
                return times.repeat
            case Choice(wait=float(wait)):
                return wait
            case TakeOrder() if self._entry.typing:
                return times.digit
            case _:
                return times.key

    def _keeps_keys(self) -> bool:
        return self._stage in (_Stage.TELLING, _Stage.PLACING)

    def _out_of_time(self, now: float) -> bool:
        return now >= self._began + self._menu.times.call

    def _time_up(self) -> list[Step]:
        unfinished = self._stage is _Stage.ORDER and self._entry.lines
        return self._hang_up((*([Clip("order_not_placed")] if unfinished else []), Clip("time_up")))

    # --- speaking ---

    def _speaking(self, steps: list[Step]) -> list[Step]:
        """Waiting times stand still while we speak; words that must be heard make all of one breath so."""
        if any(isinstance(step, Say) for step in steps):
            self._quiet_since = math.inf
        if all(step.bargeable for step in steps if isinstance(step, Say)):
            return steps
        return [Say(step.phrase, bargeable=False) if isinstance(step, Say) else step for step in steps]

    def _say_and_go(self, clip: str, name: str) -> list[Step]:
        return [Say((Clip(clip),)), *self._go(name)]

    def _tell(self, words: Phrase, then: str) -> list[Step]:
        self._stage = _Stage.TELLING
        self._then = then
        return [Say(words, bargeable=False)]

    def _number(self) -> Phrase:
        number = self._order[0] if self._order else ""
        return (Clip("order_number"), Digits(number), Clip("order_number_end"), Pause(FULL_STOP))

    def _order_read_out(self) -> Phrase:
        if not self._order:
            return (Clip("order_none"),)
        lines = read_out(self._order[1], self._menu.catalogue)
        return (*lines, Pause(FULL_STOP), *self._number(), *self._news_from_shop())

    def _news_from_shop(self) -> Phrase:
        """That the shop's box has the order: once it is known, and once only."""
        if not self._at_shop or self._told_at_shop:
            return ()
        self._told_at_shop = True
        return (Clip("order_at_shop"),)


def _cut_short(steps: list[Step]) -> list[Step]:
    """What is left of steps when a key comes before they are carried out."""
    return [step for step in steps if not (isinstance(step, Say) and step.bargeable)]
