"""Two lines of ours on emulated modems, each able to call the other, in memory and on the test's clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from modem_lab import PluggedIn

from gateway.audio.prompts import Clip, PromptLibrary
from gateway.bench.emulators.gsm_models import GSM_MODELS, gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundPort
from gateway.bench.emulators.models import ModemModel, model_named
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
from gateway.modems.catalogue import open_line
from gateway.modems.gsm_line import GsmLine
from gateway.modems.gsm_profiles import GSM_PROFILES
from gateway.modems.gsm_sound import SerialSound
from gateway.modems.serial_port import Port
from gateway.settings import LineSettings

PROMPTS = PromptLibrary.open("ja")
OURS = PROMPTS.sound((Clip("guidance_accepted"),))
THEIRS = PROMPTS.sound((Clip("guidance_not_kept"),))[: 3 * 8000]
LANDLINE = {"a": "+81355500001", "b": "+81355500002"}
MOBILE = {"a": "+819011112222", "b": "+819011113333"}


@dataclass
class ProofLab:
    """Lines ``a`` (ours) and ``b`` (the far end) by name, with whatever stands behind them."""

    exchange: Exchange
    settings: dict[str, LineSettings] = field(default_factory=dict)
    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    modems: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, MemoryPort] = field(default_factory=dict)
    sounds: dict[str, MemoryPort] = field(default_factory=dict)

    def plug(self, line: LineSettings) -> Port:
        """The program's end of a line's cable."""
        end = self.ports[line.name].other_end
        end.open()
        return PluggedIn(end, f'line "{line.name}": {line.port}')

    @asynccontextmanager
    async def open(self, line: LineSettings) -> AsyncIterator[Line]:
        """As ``open_line`` does, but in memory."""
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

    async def prove(self, **changed: Any) -> Proof:
        """Prove line a, its settings changed so; what was told is checked against the result."""
        import msgspec

        told: list[Step] = []
        ways = Ways(self.plug, self.open)
        ours = msgspec.structs.replace(self.settings["a"], **changed)
        proof = await prove_line(ours, LoopLine(ours, self.settings["b"], ways, THEIRS), ways, OURS, told.append)
        assert told == [step for step in proof.steps.values() if step.status in ("passed", "failed")]
        return proof


@asynccontextmanager
async def proof_lab(a: str | ModemModel = "usr5637", b: str = "usr5637", **settings: Any) -> AsyncIterator[ProofLab]:
    """Emulated models on lines a and b. ``settings`` are line a's."""
    wire = WireSettings(echo_db=20, noise_dbm=-65, loss_db=6)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=0.1)) as exchange:
        lab = ProofLab(exchange)
        for name, model in (("a", a), ("b", b)):
            _add(lab, name, model, settings if name == "a" else {})
        yield lab
        for modem in lab.modems.values():
            modem.close()


def _add(lab: ProofLab, name: str, model: str | ModemModel, settings: dict[str, Any]) -> None:
    port = lab.ports[name] = MemoryPort()
    if isinstance(model, str) and model in GSM_MODELS:
        number = MOBILE[name]
        mobile = lab.exchange.enrol(MobileSubscriber, number)
        sound = lab.sounds[name] = MemoryPort()
        lab.modems[name] = EmulatedGsmModem(gsm_model_named(model), mobile, port, SoundPort(sound))
        lab.subscribers[name] = mobile
    else:
        number = LANDLINE[name]
        chosen = model_named(model) if isinstance(model, str) else model
        lab.subscribers[name] = lab.exchange.subscribe(number)
        lab.modems[name] = EmulatedModem(chosen, lab.subscribers[name], port)
    lab.subscribers[name].attach(lab.modems[name])
    kind = model if isinstance(model, str) else model.name
    lab.settings[name] = LineSettings(name=name, port=f"memory {name}", number=number, **{"model": kind, **settings})


def silence(seconds: float) -> Any:
    """Nothing."""
    return np.zeros(round(seconds * 8000), np.int16)
