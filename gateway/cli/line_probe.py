"""``gateway line probe``: what modem hangs on a port, which model to name in the settings, and what it lacks."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

import click

from gateway import clock
from gateway.errors import GatewayError
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_sound_choice import sound_of
from gateway.modems.probe import Finding, Probe
from gateway.modems.serial_port import SerialPort
from gateway.modems.trace import Trace
from gateway.settings import LineSettings

LINE = "probe"
KINDS = {
    "mobile": "mobile modem",
    "voice": "analogue voice modem",
    "data": "modem without voice",
}


@click.command()
@click.option("--port", required=True, help="The serial port that takes AT commands.")
@click.option("--audio-port", metavar="A", help="Where its sound should be: a serial port, or alsa:DEVICE.")
@click.option(
    "--baud", type=click.IntRange(1200, 921600), default=115200, show_default=True, help="Of the serial port."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def probe(port: str, audio_port: str | None, baud: int, as_json: bool) -> None:
    """Ask the modem on a port what it is and can, and say what is missing for telephone calls."""
    try:
        found = clock.run(_probe(port, audio_port, baud))
    except GatewayError as error:
        raise GatewayError(_of_the_port(error)) from None
    if as_json:
        click.echo(json.dumps({"port": port, **asdict(found)}, ensure_ascii=False))
        return
    for name, value in _words(found):
        click.echo(f"{name:<12} {value}")


async def _probe(port: str, audio_port: str | None, baud: int) -> Finding:
    plug = SerialPort(port, baud, LINE)
    plug.name = port
    channel = CommandChannel(plug, Trace(None, port), lambda _: None, lambda _: None)
    try:
        found = await Probe(channel).run()
        if found.kind == "mobile":
            await _try_sound(found, port, audio_port, baud)
        return found
    finally:
        channel.close()


async def _try_sound(found: Finding, port: str, audio_port: str | None, baud: int) -> None:
    """Whether the place that was named for the sound can be opened. Sound itself comes only with a call."""
    if audio_port is None:
        found.missing.append("its sound is elsewhere; name the place with --audio-port, then as line.audio")
        return
    settings = LineSettings(name=LINE, port=port, model=found.profile, number="+10000000", audio=audio_port, baud=baud)
    sound = sound_of(settings, lambda _: None)
    try:
        await sound.open()
        found.can[f"open {audio_port}"] = True
    except GatewayError as error:
        found.can[f"open {audio_port}"] = False
        found.missing.append(_of_the_port(error))
    finally:
        sound.close()
    await asyncio.sleep(0)


def _of_the_port(error: GatewayError) -> str:
    """There is no line yet, and there are no settings of it."""
    return str(error).removeprefix(f'line "{LINE}": ').replace("line.port", "the port's name").replace("line.", "--")


def _words(found: Finding) -> list[tuple[str, Any]]:
    said: list[tuple[str, Any]] = [
        ("kind", KINDS[found.kind]),
        ("model", found.model or "it does not say"),
        ("firmware", found.firmware or "it does not say"),
        ("settings", f'model = "{found.profile}"' if found.profile else "no profile fits"),
    ]
    if found.kind == "mobile":
        said += [
            ("SIM", "ready" if found.sim == "READY" else found.sim or "none"),
            ("network", f"{found.operator or 'unnamed'}" if found.registered else "none"),
            ("signal", "unknown" if found.signal is None else f"{found.signal} of 31 ({2 * found.signal - 113} dBm)"),
        ]
    said += [("can", name) for name, able in found.can.items() if able]
    said += [("can't", name) for name, able in found.can.items() if not able]
    return said + [("missing", what) for what in found.missing or ["nothing: it is ready for calls"]]
