"""Which of the two kinds of sound a mobile line's settings name."""

from gateway.errors import SettingsError
from gateway.modems.gsm_sound import OnLost, SerialSound, Sound
from gateway.modems.serial_port import SerialPort
from gateway.settings import LineSettings

ALSA = "alsa:"


def on_card(settings: LineSettings) -> bool:
    """Whether the sound is on an ALSA device."""
    return (settings.audio or "").startswith(ALSA)


def sound_of(settings: LineSettings, on_lost: OnLost) -> Sound:
    """What ``line.audio`` names. Raises ``SettingsError`` where it is missing, or ALSA is not installed."""
    where = settings.audio
    if where is None:
        raise SettingsError(
            f'line "{settings.name}": a {settings.model} has its sound elsewhere; '
            "set line.audio to its second serial port, or to alsa: and a device (alsa:hw:Android)"
        )
    if not on_card(settings):
        return SerialSound(lambda: SerialPort(where, settings.baud, settings.name), on_lost)
    try:
        from gateway.modems.sound_card import SoundCard  # needs a library that is compiled against ALSA
    except ImportError:
        raise SettingsError(
            f'line "{settings.name}": sound on an ALSA device needs pyalsaaudio; install the extra gateway[alsa]'
        ) from None
    return SoundCard(where.removeprefix(ALSA), settings.name, on_lost)
