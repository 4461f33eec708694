"""Emulated modems: programs talk AT to them on a port, the exchange rings them on a wire.

``open_modem`` gives one on a pseudo-terminal, ``modem_on`` one on a port of your own (``MemoryPort`` for tests).
"""

from pathlib import Path

from gateway.bench.emulators.models import MODELS, model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import MemoryPort, Port, PtyPort
from gateway.bench.wire import Wire

__all__ = ["MODELS", "EmulatedModem", "MemoryPort", "Port", "PtyPort", "modem_on", "open_modem"]


def open_modem(model: str, wire: Wire, port: Path, *, trace: Path | None = None) -> EmulatedModem:
    """An emulated ``model`` on the running loop, its pseudo-terminal linked at ``port``.

    ``trace``: a file that gets every byte of both directions, readable. Raises ``UnknownModel`` and ``PortTaken``.
    """
    chosen = model_named(model)
    return EmulatedModem(chosen, wire, PtyPort(port), trace)


def modem_on(port: Port, model: str, wire: Wire, *, trace: Path | None = None) -> EmulatedModem:
    """The same on a port that exists already. Raises ``UnknownModel``."""
    return EmulatedModem(model_named(model), wire, port, trace)
