"""The demo as it runs, on a terminal of 80 columns or more: both boxes, the customer, and what happens, line by line.

Without a terminal the same happenings come as plain lines.
"""

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.bench.narrator import Happening, Who
from gateway.numbers import PhoneNumber

Event = dict[str, Any]

TITLES: dict[Who, str] = {"domestic": "Japan · domestic box", "customer": "customer", "overseas": "USA · overseas box"}
COLOURS: dict[Who, str] = {"domestic": "cyan", "customer": "yellow", "overseas": "green"}
WIDTH = 80
ROWS = 15
"""Happenings on the screen."""
LONGEST_COMMAND = 18


@dataclass
class LineView:
    """One telephone line on the screen."""

    name: str
    model: str = ""
    hook: str = "on hook"
    says: str = ""
    """The last AT command, or the keys so far."""


class Scene:
    """What is to be seen now: fed with the exchange's events and with what is told of them."""

    def __init__(self, lines: Mapping[str, tuple[Who, str, str]], title: str) -> None:
        self._title = title
        self._lines: dict[Who, dict[str, LineView]] = {"domestic": {}, "customer": {}, "overseas": {}}
        self._who: dict[str, Who] = {}
        self._ringing: dict[int, LineView] = {}
        for number, (who, name, model) in lines.items():
            self._who[number] = who
            self._lines[who][number] = LineView(name, model)
        self._told: list[Happening] = []
        self._begin: float | None = None
        self.now = 0.0
        self.counted = ""

    def apply(self, event: Event) -> None:
        """Take an event of the log."""
        number = event.get("number")
        if number is None:
            return
        who = self._who.setdefault(number, "customer")
        view = self._lines[who].setdefault(number, LineView(PhoneNumber(number).masked()))
        self.now = event["t"]
        match event["event"]:
            case "off_hook":
                view.hook = "off hook"
                view.says = view.says if who != "customer" else ""
            case "on_hook":
                view.hook = "on hook"
            case "ring" if event["on"]:
                view.hook = "ringing"
                self._ringing[event["call"]] = view
            case "release":
                self._still(event["call"])
            case "at":
                view.says = event["text"]
            case "keyed" if who == "customer":
                view.says += event["key"]
        if self._begin is None and event["event"] == "call":
            self._begin = event["t"]

    def tell(self, happening: Happening) -> None:
        """One more line below; a key is added to the keys before it."""
        bisect.insort(self._told, happening, key=lambda told: told.t)  # a prompt is recognised after it began
        self._told = _keys_joined(self._told)[-ROWS:]

    def __rich_console__(self, console: Console, options: object) -> Any:
        yield self.render()

    def render(self) -> RenderableType:
        """The whole screen."""
        width = WIDTH // 3
        panels = [self._panel(who, width) for who in ("domestic", "customer", "overseas")]
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        head.add_row(Text(self._title, style="bold"), Text(f"{self.counted}  {self._clock(self.now)} s", style="dim"))
        return Group(head, Columns(panels, padding=0), *map(self.line, self._told))

    def line(self, happening: Happening) -> Text:
        """A happening as one line."""
        colour = COLOURS[happening.who]
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{self._clock(happening.t):>7}  ", style="dim")
        text.append(f"{happening.who:<9} ", style=colour)
        match happening.kind:
            case "modem":
                text.append(f"» {happening.text}", style="dim")
            case "prompt":
                text.append(f"“{happening.text}”", style="italic")
            case "key":
                text.append("presses ")
                text.append(happening.text, style="bold yellow")
            case _:
                text.append(happening.text)
        return text

    def _still(self, call: int) -> None:
        """A call that is over rings no more."""
        rung = self._ringing.pop(call, None)
        if rung is not None and rung.hook == "ringing":
            rung.hook = "on hook"

    def _clock(self, t: float) -> str:
        return f"{t - (self._begin or t):.1f}"

    def _panel(self, who: Who, width: int) -> Panel:
        rows = list(self._lines[who].values())
        if who == "customer":
            rows = [view for view in rows if view.hook != "on hook"][-4:] or rows[-1:]
        body = Group(*(_row(view, brief=len(rows) > 1) for view in rows)) if rows else Text(" ")
        return Panel(body, title=TITLES[who], border_style=COLOURS[who], width=width, padding=(0, 1))


def _row(view: LineView, *, brief: bool) -> RenderableType:
    bullet, style = {"on hook": ("○", "dim"), "ringing": ("◉", "bold magenta"), "off hook": ("●", "bold green")}[
        view.hook
    ]
    says = view.says[-LONGEST_COMMAND:]
    if brief:
        return Text(f"{bullet} {view.name} {says}", style=style if view.hook != "on hook" else "", no_wrap=True)
    head = Text(f"{view.name} {view.model}".strip(), style="bold")
    return Group(head, Text(f"{bullet} {view.hook}", style=style), Text(says or " ", style="dim", no_wrap=True))


class Screen:
    """``with Screen(console, scene, lag) as screen:`` then ``show`` what has happened since; live, or line by line.

    Lines come ``lag`` bench seconds late, in the order in which things happened: a prompt is recognised a while after
    it began.
    """

    def __init__(self, console: Console, scene: Scene, lag: float) -> None:
        self._console = console
        self._scene = scene
        self._lag = lag
        self._held: list[Happening] = []
        self._live = Live(scene, console=console, refresh_per_second=8) if console.is_terminal else None

    def __enter__(self) -> "Screen":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._print(len(self._held))
        if self._live is not None:
            self._live.stop()

    def show(self, events: Sequence[Event], tell: Callable[[Event], Sequence[Happening]]) -> None:
        """Take in new events of the log."""
        for event in events:
            self._scene.apply(event)
            for happening in tell(event):
                self.tell(happening)
        self._print(bisect.bisect(self._held, self._scene.now - self._lag, key=lambda held: held.t))

    def tell(self, happening: Happening) -> None:
        """One happening."""
        self._scene.tell(happening)
        if self._live is None and happening.kind != "modem":
            bisect.insort(self._held, happening, key=lambda held: held.t)

    def _print(self, count: int) -> None:
        told, self._held = self._held[:count], self._held[count:]
        for happening in _keys_joined(told):
            self._console.print(self._scene.line(happening), soft_wrap=True)


def _keys_joined(told: Sequence[Happening]) -> list[Happening]:
    """Keys of one customer that came one after another in one line."""
    joined: list[Happening] = []
    for happening in told:
        last = joined[-1] if joined else None
        if last is not None and happening.kind == last.kind == "key" and happening.number == last.number:
            joined[-1] = replace(last, text=f"{last.text} {happening.text}")
        else:
            joined.append(happening)
    return joined
