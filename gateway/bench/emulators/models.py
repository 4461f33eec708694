"""The emulated voice modems, as data: what tells one from another is in this table, never in a branch on its name.

``docs/emulators.md`` says where each fact comes from and which are guesses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from gateway.bench.emulators.at import V250_RESULTS, ResultCode
from gateway.bench.emulators.caller_id import CallerIdStyle
from gateway.bench.emulators.dle import EOT, ESC, ETX
from gateway.bench.emulators.sound import MULAW, SIGNED, UNSIGNED, VoiceFormat
from gateway.errors import GatewayError


class UnknownModel(GatewayError):
    """There is no emulator of that name."""


@dataclass(frozen=True)
class Parameter:
    """A setting that a command sets and reads: its value after a reset, and a pattern for what may be set."""

    default: str
    pattern: str
    listing: str = ""
    """What the test form (``=?``) prints."""


@dataclass(frozen=True)
class Names:
    """Which parameter holds what; ``None``: the model has no such thing."""

    service_class: str
    caller_id: str
    tone_length: str
    tone_unit: float
    """Seconds in one unit of a tone's length."""
    silence: str
    """Its last number is the time of silence to report, in 0.1 s; 0: don't."""
    ringback_gone: str | None
    ringback_never: str | None
    ringback_never_unit: float = 1.0


S_REGISTERS: Mapping[int, int] = MappingProxyType(
    dict.fromkeys(range(64), 0) | {2: 43, 3: 13, 4: 10, 5: 8, 6: 2, 7: 60, 8: 2, 9: 6, 10: 14, 11: 95, 12: 50, 25: 5}
)


@dataclass(frozen=True)
class ModemModel:
    """Everything that is particular to one model."""

    name: str
    identification: Mapping[str, str]
    verbs: Mapping[str, str]
    """AT command → what it does: a verb of ``commands.Commands``."""
    parameters: Mapping[str, Parameter]
    names: Names
    formats: Mapping[str, VoiceFormat]
    """First value of the format command → format."""
    default_format: str
    format_listing: tuple[str, ...]
    caller_id: CallerIdStyle
    results: Mapping[str, ResultCode]
    line_devices: Mapping[int, bool]
    """Device number of the line command → whether the line is seized."""
    voice_result: Literal["OK", "VCON"]
    """What ends answering, playing and recording in voice class."""
    dial_result: Literal["at once", "by ear"]
    """In voice class: OK as soon as the digits are out, or judged by ringback."""
    ring_in_voice: Literal["RING", "DLE R"]
    digits: Literal["shielded", "bare"]
    """``DLE / DLE d DLE d DLE ~``, repeated while the key is held; or ``DLE d`` once."""
    play_ends: frozenset[bytes]
    record_ends: frozenset[bytes]
    plain_record_end: bytes = b""
    """A byte without DLE that ends recording, too."""
    end_shields: int = 0
    """Doubled DLE that must stand before an ending code, else it isn't seen."""
    off_hook_while_ringing: bool = True
    reports_own_off_hook: bool = False
    reports_loop_break: bool = True
    reports_silence: bool = True
    tone_needs_two: bool = False
    """A tone whose second frequency is given as 0 is refused."""
    ntt_needs: tuple[str, str] | None = None
    """The parameter and value without which a Japanese line's number display isn't heard."""
    voice_buffer: int = 2048
    """Bytes of sound it can hold."""
    latency: float = 0.008
    """Seconds from command to reply."""
    ring_delay: float = 0.1
    """Seconds of ringing current before RING."""
    registers: Mapping[int, int] = field(default_factory=lambda: S_REGISTERS)


FLAG = "[01]"
BYTE = "[0-9]{1,3}"
ANYTHING = "[0-9A-F.,]*"

BASIC = {
    **dict.fromkeys(("&C", "&S", "&G", "&R", "&P", "&T", "B", "N", "W", "Y", "&Q"), Parameter("0", "[0-9]?")),
    **dict.fromkeys(
        ("&K", "&H", "&I", "&A", "&B", "&M", "&N", "&U", "&Y", "\\N", "%C", "\\A"), Parameter("0", "[0-9]*")
    ),
    **dict.fromkeys(("L", "M"), Parameter("1", "[0-3]?")),
    "X": Parameter("4", "[0-7]?"),
    "&D": Parameter("2", "[0-3]?"),
}
V253 = {
    "+FCLASS": Parameter("0", "0|1|1\\.0|2|8", "0,1,1.0,2,8"),
    "+VCID": Parameter("0", "[0-2]", "(0-2)"),
    "+VTD": Parameter("100", BYTE, "(5-255)"),
    "+VSD": Parameter("128,50", "[0-9]{1,3}(,[0-9]{1,3})?", "(0,128),(0-255)"),
    "+VGR": Parameter("128", BYTE, "(121-134)"),
    "+VGT": Parameter("128", BYTE, "(121-134)"),
    "+VGM": Parameter("128", BYTE, "(121-134)"),
    "+VGS": Parameter("128", BYTE, "(121-134)"),
    "+VIT": Parameter("10", BYTE, "(0-255)"),
    "+VRA": Parameter("50", BYTE, "(0-255)"),
    "+VRN": Parameter("10", BYTE, "(0-255)"),
    "+VNH": Parameter("0", "[0-2]", "(0-2)"),
    "+VDR": Parameter("0,0", "[01](,[0-9]{1,3})?", "(0,1),(0-255)"),
    "+VDT": Parameter("0,0", ANYTHING),
    "+VEM": Parameter("", ANYTHING),
    "+VPR": Parameter("0", "[0-9]+", "(0)"),
    "+VBT": Parameter("0,0", "[0-9]+,[0-9]+"),
    "+VSP": Parameter("0", FLAG, "(0,1)"),
    "+IFC": Parameter("2,2", "[0-2](,[0-2])?", "(0-2),(0-2)"),
    "+ICF": Parameter("3,0", ANYTHING),
    "+IPR": Parameter("0", "[0-9]+", "(),(0,1200,2400,4800,9600,19200,38400,57600,115200)"),
    "+GCI": Parameter("B5", "[0-9A-F]{2}", "(00,B5)"),
}
V253_VERBS = {
    "+VLS": "line",
    "+VTX": "play",
    "+VRX": "record",
    "+VTR": "both",
    "+VTS": "tone",
    "+VSM": "format",
    "+VIP": "voice_reset",
}
BASIC_VERBS = {
    "A": "answer",
    "D": "dial",
    "H": "hook",
    "I": "identify",
    "Z": "reset",
    "&F": "factory",
    "&V": "show",
    "&W": "store",
    "O": "online",
    "T": "accept",
    "P": "accept",
}
V253_NAMES = Names(
    service_class="+FCLASS",
    caller_id="+VCID",
    tone_length="+VTD",
    tone_unit=0.01,
    silence="+VSD",
    ringback_gone="+VRA",
    ringback_never="+VRN",
)

USR5637 = ModemModel(
    name="usr5637",
    identification={
        "I0": "5601",
        "I1": "OK",
        "I3": "U.S. Robotics 56K FAX USB V1.2.23",
        "I6": "",
        "I7": "U.S. Robotics 56K FAX USB V1.2.23",
        "I9": "(1.0USR5601\\Modem\\PNPC107\\USRobotics 56K Voice USB)",
        "+GMI": "U.S. Robotics",
        "+GMM": "U.S. Robotics 56K FAX USB",
        "+GMR": "V1.2.23",
        "+FMI": "U.S. Robotics",
        "+FMM": "U.S. Robotics 56K FAX USB",
        "+FMR": "V1.2.23",
        "+GCAP": "+GCAP: +FCLASS,+MS,+ES,+DS",
    },
    verbs={**BASIC_VERBS, **V253_VERBS},
    parameters={**BASIC, **V253},
    names=V253_NAMES,
    formats={"128": VoiceFormat(UNSIGNED), "131": VoiceFormat(MULAW)},
    default_format="128",
    format_listing=('128,"8-BIT LINEAR",(8000)', '131,"8-BIT ULAW",(8000)'),
    caller_id=CallerIdStyle(equals="=", block=False),
    results={**V250_RESULTS, "NO DIALTONE": ResultCode("NO DIAL TONE", "6")},
    line_devices={0: False, 1: True, 4: False, 5: True},
    voice_result="OK",
    dial_result="at once",
    ring_in_voice="RING",
    digits="shielded",
    play_ends=frozenset({ETX, ESC}),
    record_ends=frozenset({b"!", ESC}),
    off_hook_while_ringing=False,
    reports_own_off_hook=True,
    reports_loop_break=False,
    tone_needs_two=True,
    voice_buffer=2048,
)

CONEXANT = ModemModel(
    name="conexant",
    identification={
        "I0": "56000",
        "I1": "255",
        "I2": "OK",
        "I3": "CX93001-EIS_V0.2013-V92",
        "I6": "OK",
        "I9": "OK",
        "+GMI": "CONEXANT",
        "+GMI9": "CX93001-EIS_V0.2013-V92",
        "-PV": "0",
        "+GMM": "V90",
        "+GMR": "CX93001-EIS_V0.2013-V92",
        "+FMI": "CONEXANT",
        "+FMM": "V90",
        "+FMR": "CX93001-EIS_V0.2013-V92",
        "+GCAP": "+GCAP: +FCLASS,+MS,+ES,+DS",
    },
    verbs={**BASIC_VERBS, **V253_VERBS},
    parameters={
        **BASIC,
        **V253,
        "+VSD": Parameter("128,50", "[0-9]{1,3}(,[0-9]{1,3})?", "(0-255),(0-255)"),
        "-SCID": Parameter("0", FLAG, "(0,1)"),
        "-STE": Parameter("0", "[0-7]", "(0-7)"),
        "!4886": Parameter("00", "[0-9A-F]{2}"),
    },
    names=V253_NAMES,
    formats={
        "0": VoiceFormat(SIGNED),
        "1": VoiceFormat(UNSIGNED),
        "4": VoiceFormat(MULAW),
        "130": VoiceFormat(UNSIGNED),
    },
    default_format="1",
    format_listing=(
        '0,"SIGNED PCM",8,0,8000,0,0',
        '1,"UNSIGNED PCM",8,0,8000,0,0',
        '4,"G711U",8,0,8000,0,0',
        '130,"UNSIGNED PCM",8,0,8000,0,0',
    ),
    caller_id=CallerIdStyle(equals=" = ", block=True),
    results=V250_RESULTS,
    line_devices={number: bool(number % 2) for number in range(14)},
    voice_result="OK",
    dial_result="by ear",
    ring_in_voice="DLE R",
    digits="shielded",
    play_ends=frozenset({ETX, ESC}),
    record_ends=frozenset({b"!", b"^", ESC}),
    ntt_needs=("+GCI", "00"),
    voice_buffer=4096,
)

ROCKWELL = ModemModel(
    name="rockwell",
    identification={
        "I0": "33600",
        "I1": "255",
        "I2": "OK",
        "I3": "V2.200-V34_ACF_DS1",
        "I4": "a007840284C6002F",
        "I6": "RC336ACFW Rev 44BC",
        "+FMI": "ROCKWELL",
        "+FMM": "AC/V34",
        "+FMR": "V2.200-V34_ACF_DS1",
        "#MFR": "ROCKWELL",
        "#MDL": "AC/V34",
        "#REV": "V2.200-V34_ACF_DS1",
    },
    verbs={
        **BASIC_VERBS,
        "#VLS": "device",
        "#VTX": "play",
        "#VRX": "record",
        "#VTS": "tone",
        "#VBS": "format",
    },
    parameters={
        **BASIC,
        "+FCLASS": Parameter("0", "0|1|2", "0,1,2"),
        "#CLS": Parameter("0", "[0128]", "0,1,2,8"),
        "#CID": Parameter("0", "[0-2]", "0-2"),
        "#BDR": Parameter("0", "[0-9]{1,2}", "0-48"),
        "#VBQ": Parameter("1024", "[0-9]*"),
        "#VBT": Parameter("10", BYTE, "0-40"),
        "#VGR": Parameter("0", BYTE, "0"),
        "#VGT": Parameter("0", BYTE, "0"),
        "#VRA": Parameter("70", BYTE, "0-255"),
        "#VRN": Parameter("100", BYTE, "0-255"),
        "#VSD": Parameter("0", FLAG, "0"),
        "#VSK": Parameter("0", BYTE),
        "#VSP": Parameter("55", BYTE, "0-255"),
        "#VSR": Parameter("7200", "7200", "7200"),
        "#VSS": Parameter("2", "[0-3]", "0-3"),
        "#VTD": Parameter("3F,3F,3F", ANYTHING, "3F,3F,3F"),
        "#TL": Parameter("3FFF", ANYTHING),
        "#RG": Parameter("7FFF", ANYTHING),
    },
    names=Names(
        service_class="#CLS",
        caller_id="#CID",
        tone_length="#VBT",
        tone_unit=0.1,
        silence="#VSP",
        ringback_gone="#VRA",
        ringback_never="#VRN",
        ringback_never_unit=0.1,
    ),
    formats={"8": VoiceFormat(UNSIGNED, 7200)},
    default_format="8",
    format_listing=("8",),
    caller_id=CallerIdStyle(equals=" = ", block=True),
    results={**V250_RESULTS, "VCON": ResultCode("VCON", "28")},
    line_devices={0: True, 1: False, 2: False, 3: False, 4: True, 6: True},
    voice_result="VCON",
    dial_result="by ear",
    ring_in_voice="RING",
    digits="bare",
    play_ends=frozenset({ETX, ESC}),
    record_ends=frozenset({b"!", ESC}),
    plain_record_end=b"!",
    voice_buffer=1024,
)

MODELS: Mapping[str, ModemModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            USR5637,
            CONEXANT,
            ROCKWELL,
            # An external USR stopped recording on DLE EOT only.
            replace(USR5637, name="usr-external", record_ends=frozenset({EOT})),
            # A Zoom 3095 wanted three DLE before an ending code, and never reported silence.
            replace(CONEXANT, name="zoom3095", end_shields=1, reports_silence=False),
        )
    }
)


def model_named(name: str, besides: tuple[str, ...] = ()) -> ModemModel:
    """The model of that name. Raises ``UnknownModel``, which lists those of another kind (``besides``), too."""
    try:
        return MODELS[name]
    except KeyError:
        known = ", ".join((*MODELS, *besides))
        raise UnknownModel(f'no emulated modem is named "{name}"; choose from {known}') from None
