"""Short messages as a modem lists them: SMS-DELIVER in hexadecimal digits (3GPP TS 23.040, 9.2.2.1)."""

from datetime import datetime

GSM_ALPHABET = 0x00
INTERNATIONAL = 0x91


def deliver(sender: str, text: str, at: datetime) -> str:
    """A message of up to 160 characters that are the same in ASCII and in the GSM alphabet; ``at`` in UTC."""
    digits = sender.removeprefix("+")
    stamp = _swapped(f"{at:%y%m%d%H%M%S}00")
    header = f"0004{len(digits):02X}{INTERNATIONAL:02X}{_swapped(digits)}00{GSM_ALPHABET:02X}{stamp}"
    return f"{header}{len(text):02X}{_septets(text).hex().upper()}"


def _swapped(digits: str) -> str:
    """Semi-octets: each pair the other way round, an odd one filled up with F."""
    padded = digits + "F" * (len(digits) % 2)
    return "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2))


def _septets(text: str) -> bytes:
    """Seven bits a character, the first one lowest."""
    bits = sum(ord(character) << 7 * place for place, character in enumerate(text))
    return bits.to_bytes((7 * len(text) + 7) // 8, "little")
