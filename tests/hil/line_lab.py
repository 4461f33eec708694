"""Two lines of ours, ``a`` (judged) and ``b`` (its far end), that can ring each other.

They hang on emulated modems in memory, on the test's clock; or, where ``rig.toml`` is named, on real ones. A test that
needs a fault names it: the bench brings it about, and on a real rig the test is skipped by that name.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rig_file
from modem_lab import PluggedIn

from gateway.audio.prompts import Clip, PromptLibrary
from gateway.bench.emulators.gsm_models import GSM_MODELS, gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundPort
from gateway.bench.emulators.models import MODELS as ANALOGUE_MODELS
from gateway.bench.emulators.models import Parameter
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import MemoryPort
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.subscriber import Subscriber
from gateway.cli.line_prove import prove_line
from gateway.cli.proof import Proof, Step
from gateway.cli.proof_far_end import LoopLine
from gateway.cli.proof_modem import Ways
from gateway.line import Line
from gateway.modems.catalogue import can_reject, open_line
from gateway.modems.gsm_line import GsmLine
from gateway.modems.gsm_profiles import GSM_PROFILES
from gateway.modems.gsm_sound import SerialSound
from gateway.modems.serial_port import Port
from gateway.settings import LineSettings

RIG = rig_file.chosen()
PROMPTS = PromptLibrary.open("ja")
OURS = PROMPTS.sound((Clip("guidance_accepted"),))
THEIRS = PROMPTS.sound((Clip("guidance_not_kept"),))[: 3 * 8000]
LANDLINE = {"a": "+81355500001", "b": "+81355500002"}
MOBILE = {"a": "+819011112222", "b": "+819011113333"}
EMULATED = ("usr5637", "conexant", "rockwell", "sim800", "sim7600", "ec25", "huawei")
MODELS = EMULATED if RIG is None else tuple(f"{loop.ours}-{loop.far}" for loop in RIG.loops)
"""On which every promise is tried: each emulated model; or each loop of the rig."""


@dataclass
class LineLab:
    """Lines ``a`` (ours) and ``b`` (the far end) by name."""

    settings: dict[str, LineSettings]
    ways: Ways

    @property
    def mobile(self) -> bool:
        """Whether our line is one."""
        return can_reject(self.settings["a"].model)

    @property
    def off_hook(self) -> list[str]:
        """Lines that are, by the exchange's word. On real lines nobody can tell; the next call shows it."""
        return []

    def open(self, line: LineSettings) -> AbstractAsyncContextManager[Line]:
        """As the daemon does."""
        return self.ways.open(line)

    async def prove(self, **changed: Any) -> Proof:
        """Prove line a, its settings changed so; what was told is checked against the result."""
        told: list[Step] = []
        ours = msgspec.structs.replace(self.settings["a"], **changed)
        far = LoopLine(ours, self.settings["b"], self.ways, THEIRS)
        proof = await prove_line(ours, far, self.ways, OURS, told.append)
        assert told == [step for step in proof.steps.values() if step.status in ("passed", "failed")]
        return proof


@dataclass
class BenchLab(LineLab):
    """With whatever stands behind the lines."""

    exchange: Exchange
    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    modems: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, MemoryPort] = field(default_factory=dict)
    sounds: dict[str, MemoryPort] = field(default_factory=dict)

    @property
    def off_hook(self) -> list[str]:
        """By the exchange's word."""
        return [name for name, subscriber in self.subscribers.items() if subscriber.off]

    def plug(self, line: LineSettings) -> Port:
        """The program's end of a line's cable."""
        end = self.ports[line.name].other_end
        end.open()
        return PluggedIn(end, f'line "{line.name}": {line.port}')

    @asynccontextmanager
    async def open_in_memory(self, line: LineSettings) -> AsyncIterator[Line]:
        """As ``open_line`` does."""
        if line.name not in self.sounds:
            async with open_line(line, self.plug(line)) as opened:
                yield opened
            return
        end = self.sounds[line.name].other_end
        end.open()
        sound = partial(SerialSound, lambda: PluggedIn(end, f'line "{line.name}": sound'))
        mobile = GsmLine(line, GSM_PROFILES[line.model], self.plug(line), sound)
        await mobile.open()
        try:
            yield mobile
        finally:
            await mobile.close()

    def add(self, name: str, model: str, *, voice: bool = True, **settings: Any) -> None:
        """Put an emulated modem on a new line."""
        port = self.ports[name] = MemoryPort()
        if model in GSM_MODELS:
            number = MOBILE[name]
            mobile = self.exchange.enrol(MobileSubscriber, number)
            sound = self.sounds[name] = MemoryPort()
            self.modems[name] = EmulatedGsmModem(gsm_model_named(model), mobile, port, SoundPort(sound))
            self.subscribers[name] = mobile
        else:
            number = LANDLINE[name]
            emulated = ANALOGUE_MODELS[model]
            if not voice:
                data_only = dict(emulated.parameters) | {"+FCLASS": Parameter("0", "0|1", "0,1")}
                emulated = replace(emulated, parameters=data_only)
            self.subscribers[name] = self.exchange.subscribe(number)
            self.modems[name] = EmulatedModem(emulated, self.subscribers[name], port)
        self.subscribers[name].attach(self.modems[name])
        self.settings[name] = LineSettings(name=name, port=f"memory {name}", number=number, model=model, **settings)


def _keep_back(reason: Any) -> Callable[[BenchLab], None]:
    def fault(lab: BenchLab) -> None:
        lab.subscribers["b"].withheld = reason

    return fault


def _deafen_subscriber(lab: BenchLab) -> None:
    lab.subscribers["a"].deaf = True


def _kill_line(lab: BenchLab) -> None:
    lab.subscribers["a"].dead = True


FAULTS: dict[str, tuple[str, Callable[[BenchLab], None]]] = {
    # name: (why copper does not give it, how the bench does)
    "no caller ID": ("the exchange would have to stop sending it", _keep_back("O")),
    "caller always withheld": ("the far line would have to be ordered so", _keep_back("P")),
    "nothing goes out": (
        "needs a modem that is deaf or mute",
        lambda lab: lab.modems["a"].one_way(mute=True),
    ),
    "nothing comes in": (
        "needs a modem that is deaf or mute",
        lambda lab: lab.modems["a"].one_way(deaf=True),
    ),
    "network passes no sound": ("needs a network that is deaf or mute", _deafen_subscriber),
    "dead line": ("the cord would have to be pulled", _kill_line),
    "wedged modem": ("no modem hangs itself at command", lambda lab: lab.modems["a"].wedge()),
    "wedged far modem": ("no modem hangs itself at command", lambda lab: lab.modems["b"].wedge()),
    "unplugged modem": ("the plug would have to be pulled", lambda lab: lab.modems["a"].unplug()),
    "locked SIM": ("needs a SIM that asks for a PIN", lambda lab: lab.modems["a"].lock_sim()),
    "no network": ("the aerial would have to be taken off", lambda lab: lab.modems["a"].coverage(False)),
    "no sound port": ("needs firmware without voice", lambda lab: lab.modems["a"].faults.refused.add("^DDSETEX")),
    "no voice class": ("needs a modem for data only", lambda lab: None),  # that is how its emulator is made
}


def bring(lab: LineLab, fault: str) -> None:
    """Bring it about, now. On a real rig the test was skipped when it asked for the lines."""
    assert isinstance(lab, BenchLab)
    FAULTS[fault][1](lab)


@asynccontextmanager
async def line_lab(
    a: str = "usr5637", b: str | None = None, *, fault: str | None = None, **settings: Any
) -> AsyncIterator[LineLab]:
    """Model (or loop) ``a``, and ``b`` as its far end (None: any). ``fault``: for ``bring``. Settings are line a's."""
    if RIG is not None:
        if fault is not None:
            pytest.skip(f"needs a fault that copper can't give: {fault} ({FAULTS[fault][0]})")
        yield _copper(RIG, a, b, settings)
        await asyncio.sleep(RIG.pause)
        return
    wire = WireSettings(echo_db=20, noise_dbm=-65, loss_db=6)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=0.1)) as exchange:
        lab = BenchLab({}, Ways(), exchange)
        lab.ways = Ways(lab.plug, lab.open_in_memory)
        lab.add("a", a, voice=fault != "no voice class", **settings)
        lab.add("b", b or "usr5637")
        yield lab
        for modem in lab.modems.values():
            modem.close()


def _copper(rig: rig_file.RigFile, a: str, b: str | None, settings: dict[str, Any]) -> LineLab:
    for loop in rig.loops:
        ours, far = rig.line(loop.ours), rig.line(loop.far)
        if f"{loop.ours}-{loop.far}" == a or (ours.model == a and b in (None, far.model)):
            return LineLab({"a": _traced(ours, settings), "b": _traced(far, {})}, Ways())
    pair = a if b is None else f"{a} with a {b} as its far end"
    pytest.skip(f"rig.toml has no [[loop]] with a {pair}")


def _traced(line: LineSettings, changed: dict[str, Any]) -> LineSettings:
    """With its AT traffic kept, unless rig.toml says where itself."""
    folder = Path("out/hil")
    folder.mkdir(parents=True, exist_ok=True)
    return msgspec.structs.replace(line, **{"trace": line.trace or str(folder / f"{line.name}.at"), **changed})
