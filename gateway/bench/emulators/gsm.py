"""Opens emulated GSM modems. Besides ``emulators`` itself, which must not import the rest of the bench."""

from pathlib import Path

from gateway.bench.emulators.gsm_codec import CodecName, codec_named
from gateway.bench.emulators.gsm_models import gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundEnd, SoundPort
from gateway.bench.emulators.port import PtyPort
from gateway.bench.mobile import MobileSubscriber

ALSA = "alsa:"


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
