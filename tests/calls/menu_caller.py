"""A caller and a line for the menu machine, on a clock of their own: prompts last as long as they really sound."""

from dataclasses import dataclass, field

from gateway.audio.prompts import PromptLibrary
from gateway.calls.menu import Connect, HangUp, OrderMenu, Place, Record, Say, Step
from gateway.calls.menu_nodes import Menu
from gateway.line import SAMPLE_RATE
from gateway.protocols.messages import OrderLine, Outcome

ORDER_NUMBER = "1042"
SPEAKS_FOR = 12.0
"""Seconds that the caller takes for a message."""


@dataclass
class Line:
    """Something that was said or done, for the transcript."""

    at: float
    who: str
    what: str


@dataclass
class Call:
    """Runs a menu as the gateway does. ``orders`` are kept on "disk" at once, or refused where ``disk_full``."""

    menu: Menu
    library: PromptLibrary
    human_check: float = 30.0
    disk_full: bool = False
    shop_answers_after: float | None = None
    now: float = 0.0
    transcript: list[Line] = field(default_factory=list)
    orders: list[tuple[OrderLine, ...]] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outcome: Outcome | None = None
    recording_heard: bool = True
    person_free: bool = False

    def __post_init__(self) -> None:
        self.machine = OrderMenu(self.menu, self.human_check)
        self._waiting: list[Step] = []
        self._playing: tuple[float, bool] | None = None  # until when, bargeable
        self._shop_answers_at: float | None = None
        self._do(self.machine.start(self.now))

    @property
    def over(self) -> bool:
        return self.outcome is not None

    @property
    def speaking(self) -> bool:
        return self._playing is not None

    def press(self, keys: str, gap: float = 0.2) -> None:
        """Press keys one after another."""
        for index, key in enumerate(keys):
            if index:
                self.wait(gap)
            if self.over:
                return
            self._note("caller", f"[{key}]")
            if self._playing and self._playing[1]:
                self._cut_short()
            self._do(self.machine.press(key, self.now))

    def listen(self) -> None:
        """Until everything that is being said has been heard."""
        while self._playing and not self.over:
            self._advance(self._playing[0])

    def answer(self, keys: str, after: float = 0.8) -> None:
        """Hear the prompt out, think, press."""
        self.listen()
        self.wait(after)
        self.press(keys)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while not self.over and (due := self._due()) is not None and due <= until:
            self._advance(due)
        self.now = max(self.now, until)

    def stay_silent(self, at_most: float = 3600.0) -> None:
        """Press nothing any more."""
        until = self.now + at_most
        while not self.over and (due := self._due()) is not None and due <= until:
            self._advance(due)

    def hang_up(self) -> None:
        """The caller has had enough."""
        self._note("caller", "(hangs up)")
        self.outcome = self.machine.outcome

    def said(self) -> str:
        """All that the gateway has said."""
        return "\n".join(line.what for line in self.transcript if line.who == "gateway")

    def _due(self) -> float | None:
        times = (self._playing and self._playing[0], self.machine.deadline, self._shop_answers_at)
        return min((time for time in times if time is not None), default=None)

    def _advance(self, to: float) -> None:
        self.now = max(self.now, to)
        if self._shop_answers_at is not None and self.now >= self._shop_answers_at:
            self._shop_answers_at = None
            self._do(self.machine.acknowledged(ORDER_NUMBER, self.now))
        elif self._playing and self.now >= self._playing[0]:
            self._playing = None
            self._after_speech()
            if not self._playing and not self._waiting:
                self._do(self.machine.spoken(self.now))
        elif self.machine.deadline is not None and self.now >= self.machine.deadline:
            self._do(self.machine.tick(self.now))

    def _do(self, steps: list[Step]) -> None:
        for step in steps:
            self.steps.append(step)
            match step:
                case Say(phrase, bargeable):
                    assert self._playing is None or self._playing[1] == bargeable, "one queue, one rule"
                    start = self._playing[0] if self._playing else self.now
                    self._playing = (start + len(self.library.sound(phrase)) / SAMPLE_RATE, bargeable)
                    self._note("gateway", self.library.words(phrase), start)
                case Place(lines):
                    if not self.disk_full:
                        self.orders.append(lines)
                        if self.shop_answers_after is not None:
                            self._shop_answers_at = self.now + self.shop_answers_after
                    result = self.machine.not_placed if self.disk_full else None
                    self._do(result(self.now) if result else self.machine.placed(ORDER_NUMBER, self.now))
                case _:
                    self._waiting.append(step)
        if not self._playing:
            self._after_speech()

    def _after_speech(self) -> None:
        waiting, self._waiting = self._waiting, []
        for step in waiting:
            match step:
                case HangUp(outcome):
                    self._note("gateway", "(hangs up)")
                    self.outcome = outcome
                case Record(subject):
                    self._note("caller", "(speaks, then presses [#])" if self.recording_heard else "(says nothing)")
                    self.now += SPEAKS_FOR
                    self.recordings += [subject] if self.recording_heard else []
                    self._do(self.machine.recorded(self.now, kept=self.recording_heard))
                case Connect():
                    self._do((self.machine.talk_over if self.person_free else self.machine.not_connected)(self.now))

    def _cut_short(self) -> None:
        self._playing = None
        unheard = [line for line in self.transcript if line.who == "gateway" and line.at > self.now]
        self.transcript = [line for line in self.transcript if line not in unheard]
        last = next(line for line in reversed(self.transcript) if line.who == "gateway")
        last.what = _heard_part(last.what, self.now - last.at, self.library.language)

    def _note(self, who: str, what: str, at: float | None = None) -> None:
        self.transcript.append(Line(self.now if at is None else at, who, what))


def _heard_part(words: str, seconds: float, language: str) -> str:
    """About as much of the words as fits into the time, at the prompts' own pace."""
    letters = round(seconds * (6.0 if language == "ja" else 13.0))
    heard = words[:letters].rsplit(" ", 1)[0] if language == "en" else words[:letters]
    return f"{heard.rstrip(' .,。、')} …" if letters < len(words) else words
