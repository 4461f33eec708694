"""``gateway line dial``, ``answer``, ``play``, ``record``, ``listen``: one call by hand, with our own ears on it."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from gateway import clock
from gateway.audio.pcm import level, read_wav, resample, write_wav
from gateway.calls.conversation import Conversation, Moment
from gateway.calls.policy import Policy
from gateway.cli.line_choice import Chosen, caller_in_words, chosen, line_options
from gateway.errors import GatewayError
from gateway.line import SAMPLE_RATE, Answer, CallEnded, IncomingCall, Line, Samples, Voice
from gateway.modems.catalogue import open_line
from gateway.modems.voice_modem import VoiceModem
from gateway.numbers import NotANumber, PhoneNumber
from gateway.settings import PolicySettings

METER_EVERY = 0.5
"""Seconds of sound in one line of the level meter."""


@dataclass(frozen=True)
class Way:
    """How the line comes to have sound: it dials, is off hook without a call, or (neither) answers a call."""

    dial: str | None = None
    off_hook: bool = False
    unmask: bool = False


def way_options(command: Any) -> Any:
    """Which call."""
    for decorate in (
        click.option("--unmask", is_flag=True, help="Show full numbers."),
        click.option("--off-hook", is_flag=True, help="Go off hook without a call (analogue lines): hear dial tone."),
        click.option("--dial", metavar="NUMBER", help="Call NUMBER; without this, wait for a call and answer it."),
    ):
        command = decorate(command)
    return command


def seconds_option(default: float) -> Callable[[Any], Any]:
    """How long at most."""
    return click.option("--seconds", type=click.FloatRange(min=0.1), default=default, show_default=True)


@click.command()
@line_options
@click.argument("number")
@click.option("--unmask", is_flag=True, help="Show full numbers.")
@seconds_option(60.0)
def dial(number: str, unmask: bool, seconds: float, **which: Any) -> None:
    """Call NUMBER on LINE and tell what is heard: ringback, busy, speech, keys. Ctrl-C hangs up."""
    _run(_converse(chosen(**which), Way(dial=number, unmask=unmask), seconds))


@click.command()
@line_options
@click.option("--play", "file", type=click.Path(path_type=Path, exists=True), help="Say this WAV file.")
@click.option("--unmask", is_flag=True, help="Show full numbers.")
@seconds_option(60.0)
def answer(file: Path | None, unmask: bool, seconds: float, **which: Any) -> None:
    """Wait for a call on LINE, tell who calls, answer it and tell what is heard. Ctrl-C hangs up."""
    _run(_converse(chosen(**which), Way(unmask=unmask), seconds, _sound(file) if file else None))


@click.command()
@line_options
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@way_options
def play(file: Path, dial: str | None, off_hook: bool, unmask: bool, **which: Any) -> None:
    """Say a WAV file on LINE, then hang up."""
    sound = _sound(file)
    _run(_converse(chosen(**which), Way(dial, off_hook, unmask), len(sound) / SAMPLE_RATE + 1.0, sound, ends=True))


@click.command()
@line_options
@click.argument("file", type=click.Path(path_type=Path))
@way_options
@seconds_option(30.0)
def record(file: Path, dial: str | None, off_hook: bool, unmask: bool, seconds: float, **which: Any) -> None:
    """Record what LINE hears into a WAV file, until the far end hangs up, for --seconds, or until Ctrl-C."""
    picked = chosen(**which)
    if file.is_dir() or not os.access(file.parent, os.W_OK):  # better before the call than after
        raise GatewayError(f"{file}: is a folder, or in none that can be written to; name another file")
    heard: list[Samples] = []
    _run(_converse(picked, Way(dial, off_hook, unmask), seconds, heard=heard))
    if heard:
        sound = np.concatenate(heard)
        write_wav(file, sound)
        click.echo(f"{file}: {len(sound) / SAMPLE_RATE:.1f} s, {level(sound):.0f} dBm0")


@click.command()
@line_options
@way_options
@seconds_option(3600.0)
def listen(dial: str | None, off_hook: bool, unmask: bool, seconds: float, **which: Any) -> None:
    """Show the level of what LINE hears, and tones and keys as they come. Ctrl-C hangs up."""
    _run(_converse(chosen(**which), Way(dial, off_hook, unmask), seconds, meter=True))


def _run(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        clock.run(work)


def _sound(file: Path) -> Samples:
    samples, rate = read_wav(file)
    return resample(samples, rate, SAMPLE_RATE)


async def _converse(
    picked: Chosen,
    way: Way,
    seconds: float,
    say: Samples | None = None,
    *,
    ends: bool = False,
    meter: bool = False,
    heard: list[Samples] | None = None,
) -> None:
    """One call. ``ends``: hang up when all has been said. ``heard`` gets what comes in, as it comes."""
    began = clock.now()
    async with open_line(picked.line) as line, path_to(line, picked, way) as voice:
        if voice is None:
            return
        conversation = Conversation(voice, picked.line.country)
        conversation.answered = way.dial is None and not way.off_hook  # a busy tone then means that the caller has gone
        with contextlib.suppress(TimeoutError, CallEnded):
            async with asyncio.timeout(seconds):
                if say is not None:
                    conversation.say(say, bargeable=False)
                await _hear_out(conversation, began, ends=ends, meter=meter, heard=heard)
        conversation.close()


async def _hear_out(
    conversation: Conversation, began: float, *, ends: bool, meter: bool, heard: list[Samples] | None
) -> None:
    measured: list[Samples] = []
    try:
        while True:
            moment = await conversation.listen()
            if heard is not None:
                heard.append(moment.sound)
            _tell(moment, clock.now() - began)
            if moment.spoken and ends:
                return
            if meter:
                measured.append(moment.sound)
                if sum(map(len, measured)) >= METER_EVERY * SAMPLE_RATE:
                    _tell_level(np.concatenate(measured), clock.now() - began)
                    measured.clear()
    except CallEnded as ended:
        click.echo(f"{clock.now() - began:8.2f} s  over: {ended}")
        raise


def _tell(moment: Moment, at: float) -> None:
    for key in moment.keys:
        click.echo(f"{at:8.2f} s  key {key}")
    for tone in moment.tones:
        loud = "" if tone.name == "silence" else f" ({tone.level:.0f} dBm0)"
        click.echo(f"{at:8.2f} s  {tone.name}{loud}")
    if moment.spoken:
        click.echo(f"{at:8.2f} s  said to the end")


def _tell_level(sound: Samples, at: float) -> None:
    loud = level(sound)
    bar = "█" * max(0, round((loud + 60) / 2))
    click.echo(f"{at:8.2f} s  {loud:6.1f} dBm0 {bar}")


@asynccontextmanager
async def path_to(line: Line, picked: Chosen, way: Way) -> AsyncIterator[Voice | None]:
    """The line's sound, by the way that was asked for; None where the call came to nothing (which is told)."""
    if way.off_hook:
        if not isinstance(line, VoiceModem):
            raise GatewayError(f'line "{line.name}": a mobile line has no dial tone; use --dial, or wait for a call')
        async with line.seized() as voice:
            yield voice
    elif way.dial is not None:
        number = _allowed(way.dial, picked)
        click.echo(f"calling {number.e164 if way.unmask else number}")
        async with line.dialled(number) as result:
            if isinstance(result, Answer):
                click.echo(f"it came to nothing: {result.value}")
            yield None if isinstance(result, Answer) else result
    else:
        call = await _next_call(line)
        click.echo(f"a call {caller_in_words(call.caller, unmask=way.unmask)}")
        async with line.answered(call) as voice:
            yield voice


async def _next_call(line: Line) -> IncomingCall:
    click.echo(f"line {line.name} waits for a call")
    async for call in line.incoming():
        return call
    raise AssertionError("incoming() ended")


def _allowed(text: str, picked: Chosen) -> PhoneNumber:
    """The number, if the box's policy lets it be dialled. Raises ``GatewayError``."""
    try:
        number = PhoneNumber.parse(text, picked.line.country)
    except NotANumber as error:
        raise GatewayError(f"number {text}: {error}; write it as +81...") from None
    anywhere = PolicySettings(regions=(number.region,), callback_permitted=(number.region,))
    policy = Policy.of(picked.box) if picked.box is not None else Policy(anywhere, frozenset())
    refusal = policy.refusal(number, time.time())
    if refusal is not None:
        raise GatewayError(f"number {text} is not called: {refusal.reason}; see [policy] in the settings")
    return number
