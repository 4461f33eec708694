"""Caller ID as a modem prints it: formatted lines, or the raw message in hexadecimal."""

from dataclasses import dataclass

from gateway.bench.wire import CallerIdData

SDMF, MDMF = 0x04, 0x80
DATE_AND_TIME, NUMBER, NO_NUMBER, NAME = 0x01, 0x02, 0x04, 0x07


@dataclass(frozen=True)
class CallerIdStyle:
    """How a model prints the lines: ``NMBR = 5551234`` or ``NMBR=5551234``; in one block, or each framed by CR LF."""

    equals: str
    block: bool


def formatted(data: CallerIdData, style: CallerIdStyle) -> list[list[str]]:
    """The lines of each message: one message, or two where the second masks the number (``+VCID=1``)."""
    fields = [("DATE", f"{data.month:02d}{data.day:02d}"), ("TIME", f"{data.hour:02d}{data.minute:02d}")]
    fields.append(("NMBR", data.number or data.reason or "O"))
    if data.name is not None and data.form in ("mdmf", "masked"):
        fields.append(("NAME", _on_eight_bits(data.name)))
    messages = [[tag + style.equals + value for tag, value in fields]]
    if data.form == "masked":
        messages.append([f"NMBR{style.equals}{data.reason or 'O'}"])
    return messages


def raw(data: CallerIdData) -> list[str]:
    """Each message as one line of hexadecimal digits, with type, length and checksum (``+VCID=2``)."""
    when = f"{data.month:02d}{data.day:02d}{data.hour:02d}{data.minute:02d}".encode()
    number, reason = (data.number or "").encode(), (data.reason or "O").encode()
    if data.form == "sdmf":
        return [_message(SDMF, when + (number or reason))]
    body = _parameter(DATE_AND_TIME, when)
    body += _parameter(NUMBER, number) if number else _parameter(NO_NUMBER, reason)
    if data.name is not None and data.form != "number-only":
        body += _parameter(NAME, _on_eight_bits(data.name).encode("latin-1"))
    messages = [_message(MDMF, body)]
    if data.form == "masked":
        messages.append(_message(MDMF, _parameter(NO_NUMBER, reason)))
    return messages


def _parameter(kind: int, value: bytes) -> bytes:
    return bytes([kind, len(value)]) + value


def _message(kind: int, body: bytes) -> str:
    """Type, length, body, and the two's complement of their sum (Telcordia GR-30-CORE)."""
    message = bytes([kind, len(body)]) + body
    return (message + bytes([-sum(message) & 0xFF])).hex().upper()


def _on_eight_bits(name: str) -> str:
    """The name as bytes, one character each: Shift JIS where Latin-1 can't hold it."""
    try:
        name.encode("latin-1")
    except UnicodeEncodeError:
        return name.encode("cp932", "replace").decode("latin-1")
    return name
