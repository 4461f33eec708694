"""Emulated modems: programs talk AT to them on a port, the exchange rings them on a wire.

``open_modem`` gives one on a pseudo-terminal, ``modem_on`` one on a port of your own (``MemoryPort`` for tests).
"""

from pathlib import Path

from gateway.bench.emulators.gsm_codec import CodecName, codec_named
from gateway.bench.emulators.gsm_models import GSM_MODELS, gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundEnd, SoundPort
from gateway.bench.emulators.models import MODELS, model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import MemoryPort, Port, PtyPort
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.wire import Wire

ALSA = "alsa:"

__all__ = [
    "GSM_MODELS",
    "MODELS",
    "EmulatedGsmModem",
    "EmulatedModem",
    "MemoryPort",
    "Port",
    "PtyPort",
    "modem_on",
    "open_gsm_modem",
    "open_modem",
]


def open_modem(model: str, wire: Wire, port: Path, *, trace: Path | None = None) -> EmulatedModem:
    """An emulated ``model`` on the running loop, its pseudo-terminal linked at ``port``.

    ``trace``: a file that gets every byte of both directions, readable. Raises ``UnknownModel`` and ``PortTaken``.
    """
    chosen = model_named(model)
    return EmulatedModem(chosen, wire, PtyPort(port), trace)


def open_gsm_modem(
    model: str,
    wire: MobileSubscriber,
    port: Path,
    audio: str,
    *,
    trace: Path | None = None,
    codec: CodecName = "none",
) -> EmulatedGsmModem:
    """An emulated GSM modem, its sound on a second pseudo-terminal at ``audio`` or on a device ``alsa:NAME``.

    Raises ``UnknownModel``, ``PortTaken``, ``CodecMissing``, and ``GatewayError`` where the device can't be used.
    """
    chosen, made = gsm_model_named(model), codec_named(codec)
    return EmulatedGsmModem(chosen, wire, PtyPort(port), _sound_end(audio), trace=trace, codec=made)


def _sound_end(audio: str) -> SoundEnd:
    if not audio.startswith(ALSA):
        return SoundPort(PtyPort(Path(audio)))
    from gateway.bench.emulators.gsm_alsa import AlsaEnd  # needs a library that is compiled against ALSA

    return AlsaEnd(audio.removeprefix(ALSA))


def modem_on(port: Port, model: str, wire: Wire, *, trace: Path | None = None) -> EmulatedModem:
    """The same on a port that exists already. Raises ``UnknownModel``."""
    return EmulatedModem(model_named(model), wire, port, trace)
