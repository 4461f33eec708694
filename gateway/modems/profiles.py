"""The voice modems, as data: what tells one from another stands here, never in a branch on its name.

``docs/modems.md`` says where each fact comes from. V.253 models differ from the older Rockwell ``#V`` set in the names
of the commands only; everything else that differs is a field.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from gateway.protocols.at import Command
from gateway.protocols.decoder import DecodedEvent, VoiceModemDecoder


class Decoder(Protocol):
    """Tells a recorded modem's bytes as events."""

    def receive(self, data: bytes) -> list[DecodedEvent]:
        """The next bytes."""

    def end(self) -> list[DecodedEvent]:
        """There are no more."""


@dataclass(frozen=True)
class VoiceStream:
    """A voice command and what ends it: tried one after another, a second apart, for units differ in what they heed."""

    command: Command
    endings: tuple[bytes, ...]


@dataclass(frozen=True)
class ModemProfile:
    """One model. Commands stand with their ``AT``."""

    name: str
    identify: str
    caller_id: tuple[str, ...]
    """At every init: units lose it on ATZ or when replugged."""
    answer: str
    """Into voice class and off hook, in one line, for every line costs its round trip."""
    dial: str
    """Into voice class, no waiting for an answer (our ears judge), and the dial command without the digits."""
    sound: tuple[str, ...]
    """Sets the sound format; sent off hook, because it is lost with the class on some units."""
    play: VoiceStream
    record: VoiceStream
    both: VoiceStream | None = None
    """Full duplex, where the model has it."""
    rate: int = 8000
    coding: Literal["linear8", "ulaw"] = "linear8"
    idle: str = "AT+FCLASS=0"
    """Back to data class, where ringing is told as RING and caller ID works everywhere."""
    hang_up: str = "ATH"
    country: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Before the caller-ID commands, on a line in that country."""
    ended_by: frozenset[str] = frozenset("l")
    """DLE reports that mean the far end has gone; empty where the model never sends one, or wrong ones."""
    keys_from_modem: bool = True
    """Whether its digits are used; with full duplex our own ears hear them better."""
    decoder: Callable[[str], Decoder] = field(default=VoiceModemDecoder)
    """Reads a recorded stream of it, given the line's region."""


DLE = b"\x10"
ESCAPE = b"\x10\x03\x10!\x10^\x10\x04"
"""Ends whatever voice stream a predecessor left open; means nothing in command state."""


def _play(text: str) -> VoiceStream:
    drop = b"\x10\x18\x10\x03"  # DLE CAN: drop what is buffered; DLE ETX: the end
    shielded = DLE * 2 + b"\x10\x18" + DLE * 2 + b"\x10\x03"  # a Zoom 3095 wanted three DLE
    return VoiceStream(Command(text, finals=_VOICE_FINALS, voice="out"), (drop, shielded))


def _record(text: str) -> VoiceStream:
    endings = (b"\x10!", DLE * 2 + b"\x10!", b"\x10\x04")  # a USR external stopped on DLE EOT only
    return VoiceStream(Command(text, finals=_VOICE_FINALS, voice="in"), endings)


def _both(text: str) -> VoiceStream:
    endings = (b"\x10^", DLE * 2 + b"\x10^", b"\x10\x1b")
    return VoiceStream(Command(text, finals=_VOICE_FINALS, voice="in"), endings)


_VOICE_FINALS = ("OK", "VCON", "ERROR", "NO CARRIER")

V253 = ModemProfile(
    name="v253",
    identify="ATI3",
    caller_id=("AT+VCID=1",),
    answer="AT+FCLASS=8;+VLS=1",
    dial="AT+FCLASS=8;+VRN=0;DT",
    sound=("AT+VSM=128,8000",),
    play=_play("AT+VTX"),
    record=_record("AT+VRX"),
)

USR5637 = replace(
    V253,
    name="usr5637",
    dial="AT+FCLASS=8;DT",  # says OK once the digits are out, whatever +VRN
    both=_both("AT+VTR"),
    ended_by=frozenset(),  # never sends one
    keys_from_modem=False,
)

CONEXANT = replace(
    V253,
    name="conexant",
    sound=("AT+VSM=1,8000,0,0",),
    both=_both("AT+VTR"),
    country={"JP": ("AT+GCI=00",), "FR": ("AT!4886=02",)},
    keys_from_modem=False,
)

ROCKWELL = ModemProfile(
    name="rockwell",
    identify="ATI3",
    caller_id=("AT#CID=1",),
    answer="AT#CLS=8;A",
    dial="AT#CLS=8;#VRN=0;DT",
    sound=("AT#VBS=8",),
    play=_play("AT#VTX"),
    record=_record("AT#VRX"),
    rate=7200,
    idle="AT#CLS=0",
)

MULTITECH = replace(V253, name="multitech", ended_by=frozenset())

PROFILES: Mapping[str, ModemProfile] = {
    profile.name: profile for profile in (USR5637, CONEXANT, ROCKWELL, MULTITECH, V253)
}
