"""What happened to each customer, read from the exchange's own log and from nothing else.

A *leg* is one call through the exchange; a *story* is a customer's call to the shop with the call-backs that followed
it. All times are the log's: bench seconds since the exchange came up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass
class Leg:
    """One call. Moments that never came are None."""

    id: int
    caller: str
    called: str
    called_at: float
    withheld: str | None = None
    form: str = "mdmf"
    lifted_at: float | None = None
    """The calling line went off hook: for a modem, that is ATD."""
    dialled: str = ""
    """The digits, as dialled."""
    id_at: float | None = None
    """The caller ID was complete at the called line."""
    rang_at: float | None = None
    off_hook_at: float | None = None
    """The called line answered."""
    released_at: float | None = None
    caller_on_hook_at: float | None = None
    called_on_hook_at: float | None = None
    cause: str = ""
    by: str = ""
    keyed: str = ""
    """Keys that came from the customer's end, as the exchange heard them."""
    keyed_at: float | None = None
    """When the last of them began."""
    recording: str | None = None
    meters: list[Event] = field(default_factory=list)
    atd_at: float | None = None
    """The calling modem received its dial command."""

    @property
    def outcome(self) -> str:
        """In a word: talking, ringing, answered, busy, abandoned, no answer, …"""
        if self.released_at is None:
            return "talking" if self.off_hook_at is not None else "ringing"
        return "answered" if self.off_hook_at is not None else self.cause


@dataclass
class Story:
    """A customer's call to one of the shop's lines, and the call-backs to him until his next one."""

    first: Leg
    back: list[Leg] = field(default_factory=list)

    @property
    def talk(self) -> Leg | None:
        """The call-back that was answered; the last one if there were several."""
        return next((leg for leg in reversed(self.back) if leg.off_hook_at is not None), None)

    @property
    def first_leg_s(self) -> float | None:
        """Seconds that the shop's line was off hook."""
        return _between(self.first.off_hook_at, self.first.called_on_hook_at)

    @property
    def id_to_off_hook_ms(self) -> float | None:
        """From the complete caller ID to off hook."""
        seconds = _between(self.first.id_at, self.first.off_hook_at)
        return None if seconds is None else seconds * 1000

    @property
    def hand_over_ms(self) -> float | None:
        """From the shop's line being on hook to the overseas modem's dial command."""
        dialled = (self.back[0].atd_at or self.back[0].lifted_at) if self.back else None
        seconds = _between(self.first.called_on_hook_at, dialled)
        return None if seconds is None else seconds * 1000


def read_legs(events: Sequence[Event]) -> list[Leg]:
    """Every call of a log, in the order of dialling."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return list(reader.legs.values())


def read_stories(events: Sequence[Event], domestic: Collection[str], overseas: Collection[str]) -> list[Story]:
    """Calls to ``domestic`` lines, each with the calls from ``overseas`` lines to its caller that came after it."""
    stories: list[Story] = []
    for leg in read_legs(events):
        if leg.called in domestic and leg.caller not in overseas:
            stories.append(Story(leg))
        elif leg.caller in overseas:
            owner = next((story for story in reversed(stories) if story.first.caller == leg.called), None)
            if owner is not None:
                owner.back.append(leg)
    return stories


def dialled_by(events: Sequence[Event], lines: Collection[str]) -> list[Leg]:
    """Calls that these lines made."""
    return [leg for leg in read_legs(events) if leg.caller in lines]


def off_hook_now(events: Sequence[Event], lines: Collection[str]) -> set[str]:
    """Those of ``lines`` that are off hook at the log's end."""
    last = {event["number"]: event["event"] for event in events if event["event"] in ("off_hook", "on_hook")}
    return {line for line in lines if last.get(line) == "off_hook"}


class _Reader:
    """Follows the hooks of every line besides the calls, since a line may hang up long after the call is over."""

    def __init__(self) -> None:
        self.legs: dict[int, Leg] = {}
        self._lifted: dict[str, float] = {}
        self._digits: dict[str, str] = {}
        self._commanded: dict[str, float] = {}
        self._off: dict[str, Leg] = {}
        """Lines off hook in a leg, until they hang up."""

    def read(self, event: Event) -> None:
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_atd(self, event: Event) -> None:
        self._commanded[event["number"]] = event["t"]

    def _on_off_hook(self, event: Event) -> None:
        number, leg = event["number"], self.legs.get(event.get("call", 0))
        self._lifted[number] = event["t"]
        self._digits[number] = ""
        if leg is not None and number != leg.caller:
            leg.off_hook_at = event["t"]
            self._off[number] = leg

    def _on_dial(self, event: Event) -> None:
        if not event.get("ignored"):
            self._digits[event["number"]] = self._digits.get(event["number"], "") + event["digits"]

    def _on_call(self, event: Event) -> None:
        number = event["number"]
        leg = Leg(event["call"], number, event["to"], event["t"], event.get("withheld"), event.get("form", "mdmf"))
        leg.lifted_at = self._lifted.get(number)
        leg.atd_at = self._commanded.pop(number, None)
        leg.dialled = self._digits.get(number, "")
        self.legs[leg.id] = leg
        self._off[number] = leg

    def _on_caller_id(self, event: Event) -> None:
        self._leg(event).id_at = event["t"]

    def _on_ring(self, event: Event) -> None:
        leg = self._leg(event)
        if event["on"] and leg.rang_at is None:
            leg.rang_at = event["t"]

    def _on_release(self, event: Event) -> None:
        leg = self._leg(event)
        leg.released_at, leg.by, leg.cause = event["t"], event["by"], event["cause"]

    def _on_on_hook(self, event: Event) -> None:
        leg = self._off.pop(event["number"], None)
        if leg is None:
            return
        if event["number"] == leg.caller:
            leg.caller_on_hook_at = event["t"]
        else:
            leg.called_on_hook_at = event["t"]

    def _on_keyed(self, event: Event) -> None:
        leg = self.legs.get(event.get("call", 0))
        if leg is not None and event["number"] == leg.called:
            leg.keyed += event["key"]
            leg.keyed_at = event["onset"]

    def _on_recording(self, event: Event) -> None:
        self._leg(event).recording = event["file"]

    def _on_meter(self, event: Event) -> None:
        self._leg(event).meters.append(event)

    def _leg(self, event: Event) -> Leg:
        return self.legs[event["call"]]


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else end - begin
