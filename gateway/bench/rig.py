"""A whole chain for demo and tests: the exchange, a domestic and an overseas box, as real processes in one folder.

    with Rig(folder, Plan(lines=4, speed=10)) as rig: ...

The folder gets what a technician would write by hand: a settings file, a store and keys for each box, and the
exchange's settings, log, recordings and AT traces. Whoever judges the boxes reads ``events()`` (the exchange's log);
what the boxes say of themselves comes from their own commands (``orders``, ``calls``).
"""

import contextlib
import itertools
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from gateway.bench import control
from gateway.bench.customers import CallOrder
from gateway.bench.emulators.gsm_models import GSM_MODELS
from gateway.bench.process import Program, ask
from gateway.bench.script import Result
from gateway.bench.toml import to_toml
from gateway.clock import Pace
from gateway.errors import GatewayError

Event = dict[str, Any]
Box = str
"""A box by its name, which begins with its role: ``domestic``, ``overseas``, ``overseas2``."""
Role = Literal["domestic", "overseas"]

BOXES: tuple[Role, ...] = ("domestic", "overseas")
OURS = ("exchange.toml", "exchange.jsonl", "ports", "recordings", "trace", "log")
"""What a rig makes in its folder, beside a folder for each box."""

ROWS = 100_000
DOUBTFUL = 1.0
"""Bench seconds by which the exchange was late."""
LONGEST_SOCKET_PATH = 100
"""sockaddr_un has room for 108 bytes."""


class RigTimeout(GatewayError):
    """What was waited for has not come to pass."""


@dataclass(frozen=True)
class Plan:
    """What is to be built. ``extra`` is laid over a box's settings, table by table."""

    boxes: tuple[Box, ...] = BOXES
    """Each domestic box is linked with each overseas box; at most two of a role."""
    lines: int = 1
    """On each box."""
    models: tuple[str, ...] = ("usr5637",)
    """Of the first line, the second, and so on, then from the start again; on both boxes."""
    overseas_models: tuple[str, ...] | None = None
    """Of the overseas box, where they differ."""
    cards: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """ALSA devices of GSM lines by their name (``jp1``): the box's end, the modem's end. Others have a sound port."""
    codec: str = "none"
    """Of GSM lines: what the air interface does to sound."""
    language: str = "ja"
    speed: float = 1.0
    extra: Mapping[Box, Mapping[str, Any]] = field(default_factory=dict)
    exchange: Mapping[str, Any] = field(default_factory=dict)

    def number(self, box: Box, line: int) -> str:
        """A box's line's own number, E.164; made up."""
        place = self.boxes_of(role_of(box)).index(box)
        if role_of(box) == "domestic":
            return f"+8135550{100 * place + line:04d}"
        return f"+121255501{50 * place + line:02d}"

    def numbers(self, box: Box) -> list[str]:
        """All of a box."""
        return [self.number(box, line) for line in range(1, self.lines + 1)]

    def boxes_of(self, role: Role) -> list[Box]:
        """In order."""
        return [box for box in self.boxes if role_of(box) == role]

    def line_name(self, box: Box, line: int) -> str:
        """``jp1``, ``us1``; those of a second box ``jpb1``, ``usb1``."""
        country = "jp" if role_of(box) == "domestic" else "us"
        return f"{country}{'b' * self.boxes_of(role_of(box)).index(box)}{line}"


def role_of(box: Box) -> Role:
    """By its name."""
    return "domestic" if box.startswith("domestic") else "overseas"


class Rig:
    """Built when made, running inside ``with`` (or after ``start``)."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder.resolve()
        self.plan = plan
        lag = None if plan.speed == 1 else self.folder / "lag"  # real time waits for nobody
        self.pace = Pace.begin(plan.speed, lag)
        self.log = self.folder / "exchange.jsonl"
        self.control = self.folder / "exchange.sock"
        if len(str(self.control)) > LONGEST_SOCKET_PATH:
            self.control = Path(tempfile.mkdtemp(prefix="gateway-")) / "exchange.sock"
        self._read_to = 0
        self._events: list[Event] = []
        self._build()
        self.exchange = self._program("exchange", "exchange", "up", "--settings", str(self.folder / "exchange.toml"))
        self.boxes = {box: self._program(box, "run", "--settings", str(self.settings_of(box))) for box in plan.boxes}

    def __enter__(self) -> "Rig":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def settings_of(self, box: Box) -> Path:
        """A box's settings file."""
        return self.folder / box / "gateway.toml"

    # --- running --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Exchange first, then all boxes at once. Raises ``ProgramFailed`` with the one line that says why."""
        try:
            self.exchange.start()
            self.exchange.await_ready()
            for program in self.boxes.values():
                program.start()
            for program in self.boxes.values():
                program.await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """All of them, the boxes first; leaves the files."""
        for program in (*self.boxes.values(), self.exchange):
            program.stop()
        if self.control.parent != self.folder:
            shutil.rmtree(self.control.parent, ignore_errors=True)

    def restart(self, box: Box) -> None:
        """Start a box again that was killed or stopped; returns when it is ready."""
        self.boxes[box].start()
        self.boxes[box].await_ready()

    def check(self) -> None:
        """Raise ``ProgramFailed`` unless all live."""
        for program in (self.exchange, *self.boxes.values()):
            program.check()

    def call(self, order: CallOrder, on_note: Callable[[dict[str, Any]], None] | None = None) -> Result:
        """Have a customer do what is ordered; blocks until he is done. Raises ``ControlError``."""
        return control.place(self.control, order, on_note)

    def could_keep_up(self) -> bool:
        """Whether the machine was fast enough for this speed: else what went wrong says nothing of the boxes."""
        late = any(event["event"] == "late" and event["seconds"] > DOUBTFUL for event in self.events())
        return not late and not any(program.strain().too_hard for program in (self.exchange, *self.boxes.values()))

    # --- what has happened ----------------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """The exchange's log so far (the same list each time, grown)."""
        if self.log.exists():
            with self.log.open("rb") as file:
                file.seek(self._read_to)
                data = file.read()
            whole, _, _ = data.rpartition(b"\n")
            if whole:
                self._read_to += len(whole) + 1
                self._events += map(json.loads, whole.split(b"\n"))
        return self._events

    def orders(self, box: Box = "domestic") -> list[dict[str, Any]]:
        """``gateway orders --json`` of a box, unmasked."""
        return self._rows(box, "orders")

    def calls(self, box: Box = "domestic") -> list[dict[str, Any]]:
        """``gateway calls --json`` of a box, unmasked."""
        return self._rows(box, "calls")

    def wait(self, condition: Callable[[], bool], what: str, within: float) -> None:
        """Look again and again, for so many bench seconds. Raises ``RigTimeout``, ``ProgramFailed``."""
        until = self.pace.now() + within
        while not condition():
            self.exchange.check()
            if self.pace.now() > until:
                raise RigTimeout(f"{what}: has not come to pass within {within:.0f} s")
            time.sleep(0.02)

    def _rows(self, box: Box, command: str) -> list[dict[str, Any]]:
        said = ask(command, "--settings", str(self.settings_of(box)), "--json", "--unmask", "--limit", str(ROWS))
        rows: list[dict[str, Any]] = json.loads(said)
        return rows

    # --- building -------------------------------------------------------------------------------------------------

    def _program(self, name: str, *arguments: str) -> Program:
        return Program(name, arguments, self.folder / "log" / f"{name}.log", self.pace.environment())

    def _build(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (*OURS, *self.plan.boxes):
            path = self.folder / name
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        for name in ("log", *self.plan.boxes):
            (self.folder / name).mkdir()
        (self.folder / "exchange.toml").write_text(to_toml(self._exchange_settings()), encoding="utf-8")
        pairs = itertools.product(self.plan.boxes_of("domestic"), self.plan.boxes_of("overseas"))
        addresses = {pair: f"tcp://127.0.0.1:{free_port()}" for pair in pairs}
        for box in self.plan.boxes:
            self.settings_of(box).write_text(to_toml(self._box_settings(box, addresses)), encoding="utf-8")
        self._trust_each_other()

    def _exchange_settings(self) -> dict[str, Any]:
        modems = [self._modem(line) for box in self.plan.boxes for line in self._lines(box)]
        base = {"log": "exchange.jsonl", "recordings": "recordings", "trace": "trace", "control": str(self.control)}
        return overlaid(base, {**self.plan.exchange, "modem": modems})

    def _box_settings(self, box: Box, addresses: Mapping[tuple[Box, Box], str]) -> dict[str, Any]:
        role = role_of(box)
        links = [
            {
                "peer": domestic if role == "overseas" else overseas,
                "route": [{"name": "internet", "bind" if role == "overseas" else "connect": address}],
            }
            for (domestic, overseas), address in addresses.items()
            if box in (domestic, overseas)
        ]
        base: dict[str, Any] = {
            "role": role,
            "name": box,
            "data": "data",
            "country": "JP" if role == "domestic" else "US",
            "language": self.plan.language,
            "link": links[0] if len(links) == 1 else links,
            "policy": {"regions": ["JP"]},
            "line": self._lines(box),
        }
        return overlaid(base, self.plan.extra.get(box, {}))

    def _lines(self, box: Box) -> list[dict[str, Any]]:
        domestic = role_of(box) == "domestic"
        models = self.plan.models if domestic else self.plan.overseas_models or self.plan.models
        names = [self.plan.line_name(box, line) for line in range(1, self.plan.lines + 1)]
        return [
            {
                "name": name,
                "port": str(self.folder / "ports" / name),
                "model": models[place % len(models)],
                "number": number,
                "country": "JP" if domestic else "US",
                **self._audio(name, models[place % len(models)], end=0),
            }
            for place, (name, number) in enumerate(zip(names, self.plan.numbers(box), strict=True))
        ]

    def _modem(self, line: dict[str, Any]) -> dict[str, Any]:
        """The exchange's end of a line."""
        shared = {key: line[key] for key in ("name", "model", "number", "port")}
        codec = {"codec": self.plan.codec} if line["model"] in GSM_MODELS else {}
        return {**shared, **self._audio(line["name"], line["model"], end=1), **codec}

    def _audio(self, name: str, model: str, end: int) -> dict[str, str]:
        if model not in GSM_MODELS:
            return {}
        card = self.plan.cards.get(name)
        return {"audio": f"alsa:{card[end]}" if card else str(self.folder / "ports" / f"{name}-sound")}

    def _trust_each_other(self) -> None:
        for box in self.plan.boxes:
            ask("keys", "new", "--settings", str(self.settings_of(box)))
        for box, peer in itertools.permutations(self.plan.boxes, 2):
            if role_of(box) == role_of(peer):
                continue
            public = (self.folder / peer / "data" / "keys" / "public").read_text(encoding="ascii").strip()
            ask("keys", "trust", peer, public, "--settings", str(self.settings_of(box)))


def overlaid(base: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``extra`` over it, tables merged."""
    merged = dict(base)
    for key, value in extra.items():
        old = merged.get(key)
        merged[key] = overlaid(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody holds just now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
