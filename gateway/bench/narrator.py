"""The exchange's log told as it happens, for people: who did what, in a few words. Numbers are masked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gateway.bench.transcript import PAUSE, Said, Transcriber, read_side, sentences
from gateway.numbers import PhoneNumber

Event = dict[str, Any]
Who = Literal["customer", "domestic", "overseas"]
Kind = Literal["step", "modem", "prompt", "key"]

REASONS = {
    "P": "withheld by the caller",
    "O": "number unavailable",
    "C": "public telephone",
    "S": "service conflict",
}
DIALLED = re.compile(r"(D[TP]?\d{3})\d{4,}(\d{4})", re.IGNORECASE)
"""A dial command: what is masked stands between the two groups."""


@dataclass(frozen=True)
class Happening:
    """One thing to tell; ``number`` is whose line it happened on (E.164)."""

    t: float
    who: Who
    number: str
    kind: Kind
    text: str


class Narrator:
    """Fed with the log's events; ``parts`` says which number is whose."""

    def __init__(self, boxes: Mapping[str, Who]) -> None:
        self.boxes = boxes
        self._calls: dict[int, tuple[str, str]] = {}
        self._lately: dict[str, str] = {}

    def who(self, number: str) -> Who:
        """Whose line that is; whoever is no box is a customer."""
        return self.boxes.get(number, "customer")

    def tell(self, event: Event) -> Iterator[Happening]:
        """What is worth telling of an event."""
        handler = getattr(self, f"_{event['event']}", None)
        number = event.get("number")
        if handler is None or number is None:
            return
        who = self.who(number)
        told = handler(event, who)
        if told is not None:
            kind, text = told
            yield Happening(event["t"], who, number, kind, text)

    def _call(self, event: Event, who: Who) -> tuple[Kind, str]:
        self._calls[event["call"]] = (event["number"], event["to"])
        if who == "customer":
            shown = f"without a number ({REASONS[event['withheld']]})" if event.get("withheld") else "with caller ID"
            return "step", f"calls the shop, {shown}"
        return "step", f"calls {_masked(event['to'])} back"

    def _caller_id(self, event: Event, who: Who) -> tuple[Kind, str] | None:
        if who == "customer":
            return None
        said = _masked(event["caller"]) if event.get("caller") else REASONS.get(event.get("reason") or "", "none")
        return "step", f"caller ID: {said}"

    def _ring(self, event: Event, who: Who) -> tuple[Kind, str] | None:
        return ("step", "the telephone rings") if who == "customer" and event["on"] and event["burst"] == 1 else None

    def _answer(self, event: Event, who: Who) -> tuple[Kind, str]:
        return "step", "answers" if who == "customer" else "answers: off hook"

    def _on_hook(self, event: Event, who: Who) -> tuple[Kind, str]:
        return "step", "hangs up" if who == "customer" else "on hook: the line is free"

    def _busy(self, event: Event, who: Who) -> tuple[Kind, str]:
        return "step", "is engaged"

    def _at(self, event: Event, who: Who) -> tuple[Kind, str] | None:
        text = event["text"]
        if text == self._lately.get(event["number"]):
            return None
        self._lately[event["number"]] = text
        return "modem", DIALLED.sub(lambda found: f"{found[1]}…{found[2]}", text)

    def _keyed(self, event: Event, who: Who) -> tuple[Kind, str] | None:
        return ("key", event["key"]) if who == "customer" else None


class Listener:
    """Hears on the growing recordings which prompts the boxes speak, while they are spoken."""

    def __init__(self, language: str, boxes: Mapping[str, Who]) -> None:
        self._language = language
        self._boxes = boxes
        self._called: dict[int, str] = {}
        self._open: dict[int, _Followed] = {}

    def follow(self, event: Event) -> None:
        """Take an event of the log: a recording begins, or its call is over."""
        if event["event"] == "call":
            self._called[event["call"]] = event["to"]
        elif event["event"] == "recording":
            caller, called = event["number"], self._called[event["call"]]
            number, side = (caller, 0) if caller in self._boxes else (called, 1)
            self._open[event["call"]] = _Followed(
                Path(event["file"]), Transcriber(self._language), self._language, number, side, event["begins"]
            )
        elif event["event"] == "release" and event["call"] in self._open:
            self._open[event["call"]].over = True

    def hear(self) -> Iterator[Happening]:
        """The prompts that have come since."""
        for call, followed in list(self._open.items()):
            over = followed.over
            for said in followed.hear():
                who = self._boxes.get(followed.number, "overseas")
                yield Happening(followed.began + said.begin, who, followed.number, "prompt", said.text)
            if over:
                del self._open[call]


@dataclass
class _Followed:
    """One recording that still grows."""

    file: Path
    transcriber: Transcriber
    language: str
    number: str
    side: int
    began: float
    over: bool = False
    taken: int = 0
    pending: list[Said] = field(default_factory=list)

    def hear(self) -> list[Said]:
        """Sentences that are complete by now."""
        if not self.file.exists():
            return []
        sound = read_side(self.file, self.side, self.taken)
        self.taken += len(sound)
        self.pending += self.transcriber.hear_all(sound) if self.over else self.transcriber.hear(sound)
        whole = sentences(self.pending, self.language)
        if whole and not self.over and self.transcriber.heard_to < whole[-1].end + PAUSE:
            last = whole.pop()
            self.pending = [said for said in self.pending if said.begin >= last.begin]
        else:
            self.pending = []
        return whole


def _masked(number: str) -> str:
    return PhoneNumber(number).masked() if number.startswith("+") else f"*****{number[-4:]}"
