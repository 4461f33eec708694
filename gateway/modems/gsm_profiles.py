"""The GSM and LTE modems, as data: what tells one from another stands here, never in a branch on its name.

``docs/gsm.md`` says where each fact comes from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.modems.profiles import Decoder
from gateway.protocols.gsm_decoder import GsmDecoder


@dataclass(frozen=True)
class SoundCommands:
    """What brings a call's sound to where we can have it. A modem that refuses one of these is used all the same."""

    prepare: tuple[str, ...] = ()
    """At every init."""
    begin: tuple[str, ...] = ()
    """Once a call stands."""
    end: tuple[str, ...] = ()
    """When it is over."""


@dataclass(frozen=True)
class GsmProfile:
    """One family of models. Commands stand with their ``AT``."""

    name: str
    known_as: str
    """A pattern for what it says of itself: manufacturer and model."""
    setup: tuple[str, ...] = ()
    """At every init, each allowed to fail."""
    tells: tuple[str, ...] = ()
    """Make it tell a call's progress unasked; the first that it accepts will do."""
    lists: bool = True
    """Whether AT+CLCC may be asked (every half second for progress, where none of ``tells`` is accepted)."""
    ok_means_answer: bool = False
    """ATD is answered by OK only when the call is."""
    cause: str | None = "AT+CEER"
    """Asks why the last call ended."""
    serial: SoundCommands = SoundCommands()
    """For sound on a serial port."""
    card: SoundCommands = SoundCommands()
    """For sound on an ALSA device."""
    keys_from_modem: bool = False
    """Whether the digits that it detects are used besides those that our own ears hear."""
    decoder: Callable[[str], Decoder] = GsmDecoder
    """Reads a recorded stream of it, given the line's region."""


GENERIC = GsmProfile(name="generic", known_as=r"$^")

SIM800 = replace(
    GENERIC, name="sim800", known_as=r"sim[89]\d\d|sim_?com.*sim[89]\d\d", setup=("AT+DDET=1",), keys_from_modem=True
)
SIM7600 = replace(
    GENERIC,
    name="sim7600",
    known_as=r"sim7[0-9]00|a7[0-9]{3}",
    setup=("AT+CPCMFRM=0",),
    tells=("AT+CLCC=1",),
    serial=SoundCommands(prepare=("AT+CPCMREG=0",), begin=("AT+CPCMREG=1",), end=("AT+CPCMREG=0",)),
)
EC25 = replace(
    GENERIC,
    name="ec25",
    known_as=r"quectel.*(ec2\d|eg2\d|eg9\d)|^(ec2\d|eg2\d|eg9\d)",
    setup=("AT+QTONEDET=1",),
    tells=('AT+QINDCFG="ccinfo",1', "AT^DSCI=1"),
    serial=SoundCommands(prepare=("AT+QPCMV=1,0",)),
    card=SoundCommands(prepare=("AT+QPCMV=1,2",)),
    keys_from_modem=True,
)
HUAWEI = replace(
    GENERIC,
    name="huawei",
    known_as=r"huawei",
    setup=("AT^CURC=1", "AT^CVOICE=0"),
    lists=False,
    cause=None,
    serial=SoundCommands(begin=("AT^DDSETEX=2",)),
)
TELIT = replace(GENERIC, name="telit", known_as=r"telit")
ZTE = replace(GENERIC, name="zte", known_as=r"zte", lists=False, ok_means_answer=True)

GSM_PROFILES: Mapping[str, GsmProfile] = {
    profile.name: profile for profile in (SIM800, SIM7600, EC25, HUAWEI, TELIT, ZTE, GENERIC)
}
