"""The emulated GSM and LTE modems, as data. ``docs/gsm.md`` says where each fact comes from and which are guesses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from gateway.bench.emulators.models import UnknownModel

Progress = Literal["none", "rows", "ccinfo", "huawei"]
"""How a call's progress is told unasked: not at all; +CLCC rows; ``+QIND: "ccinfo"``; ^ORIG, ^CONF, ^CONN, ^CEND."""


@dataclass(frozen=True)
class GsmModel:
    """Everything that is particular to one model."""

    name: str
    identification: Mapping[str, str]
    """What +CGMI, +CGMM, +CGMR and I answer."""
    clip: str
    """+CLIP with a number: ``{number}`` and ``{kind}`` (129 or 145) are filled in."""
    clip_withheld: str
    """Without: ``{validity}`` is filled in."""
    progress: Progress = "none"
    progress_switch: tuple[str, str] | None = None
    """Command and value that turn it on; None: always."""
    begin: str | None = None
    """A line when a call is answered."""
    end: str | None = None
    """A line when a call that stood has ended; ``{seconds}`` and ``{call}``, its number, are filled in."""
    missed: str | None = "NO CARRIER"
    """A line when the caller has given up; ``{number}`` and ``{call}`` are filled in. None: nothing."""
    busy: str = "BUSY"
    """What follows a call that ended with cause 17."""
    no_answer: str = "NO ANSWER"
    carrier_lost: str | None = "NO CARRIER"
    """What follows any other end of a call by the far side."""
    line_end: bytes = b"\r\n"
    ring: str | None = "RING"
    """None: only +CLIP (and what ``progress`` says) tells of a call."""
    ring_every: float = 5.0
    clip_after: float = 0.03
    """Seconds from RING to +CLIP."""
    ok_at_answer: bool = False
    """ATD is answered by OK only when the far end has answered."""
    listing_drops: bool = False
    """AT+CLCC ends the call."""
    hook_needs: tuple[str, str] | None = None
    """Command and value without which ATH doesn't end a voice call."""
    sound_switch: tuple[str, str] | None = None
    """Command and value that open the sound port; None: it is open whenever a call stands."""
    card_switch: tuple[str, str] | None = None
    """The same where the sound goes to a sound card."""
    sound_after_begin: bool = False
    """The switch is heeded only while a call stands."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Further commands that are accepted, and their values after power-up."""
    keys: tuple[str, str, str] | None = None
    """Command and value that turn key detection on, and the line for a key (``{key}``, ``{code}``)."""
    dtmf: str = "+VTS"
    latency: float = 0.005
    cause_in: Literal["+CEER", "none"] = "+CEER"


_COMMON = MappingProxyType(
    {
        "+CMEE": "0",
        "+CLIP": "0",
        "+CRC": "0",
        "+CCWA": "0",
        "+COLP": "0",
        "+CREG": "0",
        "+CEREG": "0",
        "+CSCS": '"GSM"',
        "+CMGF": "0",
        "+CVHU": "1",
        "+CLVL": "5",
        "+CMUT": "0",
        "+CFUN": "1",
        "+CSSN": "0,0",
        "+COPS": "0",
        "+CNMI": "0,0,0,0,0",
    }
)

LISTINGS = MappingProxyType({"+CSCS": '("GSM","IRA","UCS2")'})
"""What the test form (``=?``) of a command prints; nothing where it isn't here."""

SIM800 = GsmModel(
    name="sim800",
    identification={
        "+CGMI": "SIMCOM_Ltd",
        "+CGMM": "SIMCOM_SIM800C",
        "+CGMR": "Revision:1418B05SIM800C24",
        "I": "SIM800 R14.18",
    },
    clip='"{number}",{kind},"",0,"",0',
    clip_withheld='"",128,"",0,"",{validity}',
    parameters={**_COMMON, "+DDET": "0", "+CHFA": "0"},
    keys=("+DDET", "1", "+DTMF: {key}"),
)
SIM7600 = GsmModel(
    name="sim7600",
    identification={
        "+CGMI": "SIMCOM INCORPORATED",
        "+CGMM": "SIMCOM_SIM7600E-H",
        "+CGMR": "+CGMR: LE20B03SIM7600M22",
        "I": "Manufacturer: SIMCOM INCORPORATED\nModel: SIMCOM_SIM7600E-H\nRevision: SIM7600M22_V2.0",
    },
    clip='"{number}",{kind},,,,0',
    clip_withheld='"",128,,,,{validity}',
    progress="rows",
    progress_switch=("+CLCC", "1"),
    begin="VOICE CALL: BEGIN",
    end="VOICE CALL: END: {seconds:06d}",
    missed="MISSED_CALL: 10:25AM {number}",
    line_end=b"\r\r\n",
    hook_needs=("+CVHU", "0"),
    sound_switch=("+CPCMREG", "1"),
    sound_after_begin=True,
    parameters={**_COMMON, "+CPCMREG": "0", "+CPCMFRM": "0", "+CLCC": "0", "+CRXDTMF": "0"},
)
EC25 = GsmModel(
    name="ec25",
    identification={
        "+CGMI": "Quectel",
        "+CGMM": "EC25",
        "+CGMR": "EC25EFAR06A06M4G",
        "I": "Quectel\nEC25\nRevision: EC25EFAR06A06M4G",
    },
    clip='"{number}",{kind},,,"",0',
    clip_withheld='"",128,,,,{validity}',
    progress="ccinfo",
    progress_switch=("+QINDCFG", '"ccinfo",1'),
    sound_switch=("+QPCMV", "1,0"),
    card_switch=("+QPCMV", "1,2"),
    parameters={**_COMMON, "+QINDCFG": "", "+QPCMV": "0", "^DSCI": "0", "+QTONEDET": "0", "+QCFG": "", "+QAUDMOD": "0"},
    keys=("+QTONEDET", "1", "+QTONEDET: {code}"),
)
HUAWEI = GsmModel(
    name="huawei",
    identification={
        "+CGMI": "huawei",
        "+CGMM": "E1750",
        "+CGMR": "11.126.13.00.00",
        "I": "Manufacturer: huawei\nModel: E1750\nRevision: 11.126.13.00.00",
    },
    clip='"{number}",{kind},,,,0',
    clip_withheld='"",128,,,,{validity}',
    progress="huawei",
    missed="",
    busy="",
    no_answer="",
    carrier_lost="",
    ring_every=5.0,
    sound_switch=("^DDSETEX", "2"),
    sound_after_begin=True,
    parameters={**_COMMON, "^CVOICE": "0", "^DDSETEX": "0", "^CURC": "1", "^USSDMODE": "0"},
    dtmf="^DTMF",
    cause_in="none",
)
TELIT = GsmModel(
    name="telit",
    identification={"+CGMI": "Telit", "+CGMM": "LE910C1-EU", "+CGMR": "25.20.002", "I": "332"},
    clip='"{number}",{kind},"",128,"",0',
    clip_withheld='"",128,"",128,"",{validity}',
    parameters=_COMMON,
)
ZTE = GsmModel(
    name="zte",
    identification={
        "+CGMI": "ZTE CORPORATION",
        "+CGMM": "K3565-Z",
        "+CGMR": "BD_P673A1V1.0.0B09",
        "I": "Manufacturer: ZTE CORPORATION\nModel: K3565-Z\nRevision: BD_P673A1V1.0.0B09",
    },
    clip='"{number}",{kind},,,,0',
    clip_withheld='"",128,,,,{validity}',
    end="HANGUP: {call}",
    missed="HANGUP: {call}",
    carrier_lost=None,
    ok_at_answer=True,
    listing_drops=True,
    parameters=_COMMON,
)

GSM_MODELS: Mapping[str, GsmModel] = MappingProxyType(
    {model.name: model for model in (SIM800, SIM7600, EC25, HUAWEI, TELIT, ZTE)}
)


def gsm_model_named(name: str) -> GsmModel:
    """The model of that name. Raises ``UnknownModel``."""
    try:
        return GSM_MODELS[name]
    except KeyError:
        raise UnknownModel(f'no emulated GSM modem is named "{name}"; choose from {", ".join(GSM_MODELS)}') from None
