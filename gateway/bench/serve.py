"""The exchange as a program: modem ports opened at their paths, handsets, the control socket, until it is stopped."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import sdnotify

from gateway.bench.control import Control
from gateway.bench.emulators import open_modem
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.emulators.gsm_models import GSM_MODELS
from gateway.bench.exchange import Exchange
from gateway.bench.handset import Handset
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.settings import ExchangeSettings, ModemSettings, default_control
from gateway.errors import SettingsError


async def serve(settings: ExchangeSettings, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``say`` gets one line for each port, then ``ready``.

    Raises ``GatewayError`` where a port, the log, a folder or the socket can't be had.
    """
    for key, folder in (("recordings", settings.recordings), ("trace", settings.trace)):
        if folder is not None:
            _make_folder(key, Path(folder))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Exchange(settings) as exchange, contextlib.AsyncExitStack() as open_things:
        for modem in settings.modems:
            open_things.callback(_open(exchange, modem))
            say(f"{modem.name}: {modem.model} on {modem.number} at {modem.port}")
        control = Control(exchange)
        for known in settings.handsets:
            line = exchange.subscribe(known.number, known.country, withheld=known.withheld)
            line.form = known.form
            control.add(Handset(exchange, line, seed=settings.seed))
        path = Path(settings.control) if settings.control else default_control()
        server = await control.serve(path)
        open_things.callback(path.unlink, missing_ok=True)
        open_things.callback(server.close)
        say(f"control: {path}")
        say("ready")
        sdnotify.SystemdNotifier().notify("READY=1")
        await stop.wait()


def _make_folder(key: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{key} {folder}: can't be made: {error.strerror}; name another folder") from None
    if not os.access(folder, os.W_OK):
        raise SettingsError(f"{key} {folder}: can't be written to; name another folder")


def _open(exchange: Exchange, modem: ModemSettings) -> Callable[[], None]:
    """Put a modem on its line; returns what closes it."""
    trace = Path(exchange.settings.trace) / f"{modem.name}.at" if exchange.settings.trace else None
    if modem.model in GSM_MODELS:
        return _open_mobile(exchange, modem, trace)
    line = exchange.subscribe(modem.number, modem.country, also=modem.also)
    opened = open_modem(modem.model, line, Path(modem.port), trace=trace)
    line.attach(opened)
    return opened.close


def _open_mobile(exchange: Exchange, modem: ModemSettings, trace: Path | None) -> Callable[[], None]:
    if modem.audio is None:
        raise SettingsError(f"modem {modem.name}: a {modem.model} has two ports; set audio to the path of the second")
    mobile = exchange.enrol(MobileSubscriber, modem.number, modem.country, also=modem.also)
    opened = open_gsm_modem(modem.model, mobile, Path(modem.port), modem.audio, trace=trace, codec=modem.codec)
    mobile.attach(opened)
    return opened.close
