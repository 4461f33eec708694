"""A telephone line as a source of sound: the modem on a port goes off hook without a call."""

from collections.abc import Callable

from gateway import clock
from gateway.cli.line_choice import on_port
from gateway.errors import GatewayError
from gateway.line import CallEnded, Samples
from gateway.modems.catalogue import DRIVERS, can_reject, open_line
from gateway.modems.serial_port import Port
from gateway.modems.voice_modem import VoiceModem
from gateway.settings import LineSettings


def off_hook(port: str, model: str | None, country: str, hear: Callable[[Samples], bool]) -> None:
    """Give ``hear`` what the line says, 8 kHz, until it returns false; then the line is on hook again.

    Raises ``GatewayError`` for a model that has no such line, ``LineLost``.
    """
    analogue = ", ".join(sorted(name for name in DRIVERS if not can_reject(name)))
    if model is None:
        raise GatewayError(f"{port}: say with --model which modem is there ({analogue}); gateway line list shows it")
    if can_reject(model):
        raise GatewayError(f"{port}: a {model} has no line to go off hook on; use gateway line listen {port} --dial")
    clock.run(seize(on_port(port, model, country), hear))


async def seize(settings: LineSettings, hear: Callable[[Samples], bool], port: Port | None = None) -> None:
    """The same in a loop that runs; ``port`` takes the place of the settings' (tests)."""
    async with open_line(settings, port) as line:
        assert isinstance(line, VoiceModem), line
        async with line.seized() as voice:
            try:
                while hear((await voice.hear()).samples):
                    pass
            except CallEnded:
                return
