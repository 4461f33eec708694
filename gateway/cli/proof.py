"""A proof of a line as a list of steps, each passed or failed with its time, its finding and a remedy in words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from gateway import clock
from gateway.errors import GatewayError
from gateway.line import CallEnded

Status = Literal["passed", "failed", "skipped", "not run"]
Kind = Literal["analogue", "mobile"]

STEPS: dict[str, tuple[str, frozenset[Kind]]] = {
    # key: (what is proved, on which kinds of line)
    "port": ("The port is there, and free", frozenset(("analogue", "mobile"))),
    "answers": ("The modem answers", frozenset(("analogue", "mobile"))),
    "model": ("It is the model that the settings say", frozenset(("analogue", "mobile"))),
    "voice": ("It can do voice", frozenset(("analogue", "mobile"))),
    "sim": ("The SIM is unlocked", frozenset(("mobile",))),
    "network": ("A network has let it in", frozenset(("mobile",))),
    "country": ("The line is in the country that the settings say", frozenset(("analogue", "mobile"))),
    "set-up": ("It takes the settings that calls need", frozenset(("analogue", "mobile"))),
    "dial-tone": ("The line gives dial tone, this country's", frozenset(("analogue",))),
    "caller-id": ("A caller's number arrives", frozenset(("analogue", "mobile"))),
    "off-hook": ("The call is answered", frozenset(("analogue", "mobile"))),
    "guidance": ("The caller hears the guidance", frozenset(("analogue", "mobile"))),
    "on-hook": ("Hanging up ends the call", frozenset(("analogue", "mobile"))),
    "withheld": ("A withheld number is recognised", frozenset(("analogue", "mobile"))),
    "dials": ("A call goes out", frozenset(("analogue", "mobile"))),
    "ringback": ("It rings at the far end", frozenset(("analogue", "mobile"))),
    "answered": ("The far end's answer is heard", frozenset(("analogue", "mobile"))),
    "keys-in": ("The far end's keys are decoded", frozenset(("analogue", "mobile"))),
    "keys-out": ("Our keys arrive at the far end", frozenset(("analogue", "mobile"))),
    "hang-up": ("The far end's hanging up is noticed", frozenset(("analogue", "mobile"))),
}


class Failed(Exception):
    """A step does not come out: what was found, and what to do about it."""

    def __init__(self, finding: str, remedy: str) -> None:
        super().__init__(finding)
        self.finding = finding
        self.remedy = remedy


class Broken(Exception):
    """The steps that follow in this scene would prove nothing."""


@dataclass
class Step:
    """One line of the report. ``at`` and ``seconds``: loop time since the proof began, and how long it took."""

    key: str
    title: str
    status: Status = "not run"
    at: float = 0.0
    seconds: float = 0.0
    finding: str = ""
    remedy: str = ""


@dataclass
class Proof:
    """The steps of one line, all of them listed from the beginning. ``told`` is called when one is over."""

    line: str
    kind: Kind
    told: Callable[[Step], None]
    steps: dict[str, Step] = field(default_factory=dict)
    began: float = field(default_factory=clock.now)
    broken_off: bool = False

    def __post_init__(self) -> None:
        for key, (title, kinds) in STEPS.items():
            self.steps[key] = Step(key, title, "not run" if self.kind in kinds else "skipped")

    @property
    def passed(self) -> bool:
        """Whether every step that this kind of line has came out."""
        return all(step.status in ("passed", "skipped") for step in self.steps.values())

    @property
    def seconds(self) -> float:
        """From the beginning to the end of the last step."""
        return max(step.at + step.seconds for step in self.steps.values())

    @property
    def first_failed(self) -> Step | None:
        """The step to look at."""
        return next((step for step in self.steps.values() if step.status == "failed"), None)

    @contextmanager
    def step(self, key: str) -> Iterator[Step]:
        """Prove one thing inside the block; ``finding`` may be set there.

        ``Failed`` is noted and goes no further; a lost modem or an ended call is noted, too, and becomes ``Broken``.
        """
        step = self.steps[key]
        start = clock.now()
        step.at = start - self.began
        try:
            yield step
            step.status = "passed"
        except Failed as failed:
            step.status, step.finding, step.remedy = "failed", failed.finding, failed.remedy
        except (GatewayError, CallEnded) as error:
            what, _, remedy = str(error).partition("; ")
            step.status, step.finding = "failed", what
            step.remedy = as_sentence(remedy) or "Look at the AT trace below, and try again."
            raise Broken from None
        finally:
            step.seconds = clock.now() - start
            if step.status != "not run":
                self.told(step)

    def need(self, key: str) -> None:
        """Raise ``Broken`` unless that step has passed."""
        if self.steps[key].status != "passed":
            raise Broken


def as_sentence(text: str) -> str:
    """With a capital and a full stop; "" stays."""
    return text[:1].upper() + text[1:] + "." if text else ""
