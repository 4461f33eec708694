"""The first half of a proof: the port, the modem on it, its SIM and network, and the line's dial tone."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import numpy as np

from gateway.audio.pcm import level
from gateway.audio.tones_table import PROFILES, ProgressTone, dial_tone_of
from gateway.cli.line_choice import NOBODY
from gateway.cli.proof import Broken, Failed, Proof
from gateway.line import SAMPLE_RATE, Line, Samples
from gateway.modems import gsm_setup
from gateway.modems.catalogue import open_line
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_modem import Library
from gateway.modems.gsm_sound_choice import on_card
from gateway.modems.probe import Finding, NoModem, Probe
from gateway.modems.profiles import ESCAPE
from gateway.modems.serial_port import Port, SerialPort
from gateway.modems.trace import Trace
from gateway.modems.voice_modem import VoiceModem
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

LETTING_PASS = 0.2
ANYTHING = frozenset(("generic", "v253"))
"""Models that stand for any modem of a kind."""
DEAD_MODEM = (
    "Unplug the modem, wait ten seconds and plug it in again. If it stays silent: is this its command port (gateway "
    "line list shows which), and is line.baud right?"
)
NO_VOICE = "Use a modem with voice: docs/modems.md and docs/gsm.md list them."
AUDIBLE = -40.0
"""dBm0; exchanges send dial tone at −10 to −25, and a dead line gives next to nothing."""

NEAR = 12.0
"""Hz by which a tone may be off."""


@dataclass(frozen=True)
class Ways:
    """How ports and lines are opened; tests put theirs here."""

    plug: Callable[[LineSettings], Port] = lambda line: SerialPort(line.port, line.baud, line.name)
    open: Callable[[LineSettings], AbstractAsyncContextManager[Line]] = open_line


async def examine(proof: Proof, line: LineSettings, ways: Ways) -> None:
    """Port, modem, SIM, network, country, by commands alone. Raises ``Broken`` where no call can follow."""
    with proof.step("port") as step:
        port = ways.plug(line)
        step.finding = f"{line.port}: free"
    proof.need("port")
    channel = CommandChannel(port, Trace(line.trace, port.name), lambda event: None, lambda lost: None)
    try:
        await _modem(proof, channel, line)
        if proof.kind == "mobile":
            await _mobile(proof, channel, line)
    finally:
        channel.close()
    _country(proof, line)
    for key in ("voice", "sim", "network"):
        if proof.steps[key].status == "failed":
            raise Broken


async def _modem(proof: Proof, channel: CommandChannel, line: LineSettings) -> None:
    found = Finding()
    with proof.step("answers") as step:
        await channel.flush(ESCAPE, LETTING_PASS)
        try:
            found = await Probe(channel).run()
        except NoModem:
            raise Failed("nothing comes back to AT", DEAD_MODEM) from None
        if not found.kind:
            raise Failed("it has stopped answering", DEAD_MODEM)
        step.finding = ", ".join(part for part in (found.model, found.firmware) if part) or "it does not say what it is"
    proof.need("answers")
    with proof.step("model") as step:
        known = {found.profile, line.model}.isdisjoint(ANYTHING) and bool(found.profile)
        step.finding = f"as {line.model}"
        if known and found.profile != line.model:
            raise Failed(f'it calls itself "{found.model}", a {found.profile}', f'Set line.model = "{found.profile}".')
    with proof.step("voice") as step:
        sound = found.kind == "voice" or found.can.get(f"sound on a {'sound card' if on_card(line) else 'serial port'}")
        step.finding = ", ".join(what for what, able in found.can.items() if able)
        if not sound:
            what = "it has no voice class" if found.kind == "data" else "it refuses the commands that bring its sound"
            raise Failed(f"{what}: this modem, or its firmware, is for data only", NO_VOICE)


async def _mobile(proof: Proof, channel: CommandChannel, line: LineSettings) -> None:
    library = Library(channel)
    try:
        with proof.step("sim") as step:
            await gsm_setup.unlock(channel, library, line.pin)
            step.finding = "ready"
        with proof.step("network") as step:
            await gsm_setup.await_network(channel)
            operator = await library.run(lambda modem: modem.networkName)
            signal = await library.run(lambda modem: modem.signalStrength)
            step.finding = f"{operator or 'an unnamed network'}, signal {signal} of 31"
    except Broken:
        return  # the step that failed says so
    finally:
        library.shut()


def _country(proof: Proof, line: LineSettings) -> None:
    with proof.step("country") as step:
        if line.number == NOBODY:
            step.finding = f"{line.country}; the line's own number is not known"
            return
        region = PhoneNumber(line.number).region
        step.finding = f"{line.country}, as the line's number has it"
        if region != line.country:
            raise Failed(
                f"the line's number is one of {region or 'no country'}, but line.country is {line.country}",
                f'Set line.country = "{region}", or correct line.number: caller ID, tones and dialling go by it.',
            )


async def hear_dial_tone(proof: Proof, line: Line, settings: LineSettings) -> None:
    """Off hook without a call, on an analogue line. Raises ``Broken`` where the line is dead."""
    if not isinstance(line, VoiceModem):
        return
    with proof.step("dial-tone") as step:
        async with line.seized() as voice:
            pieces = [(await voice.hear()).samples]
            while sum(map(len, pieces)) < 2.0 * SAMPLE_RATE:
                pieces.append((await voice.hear()).samples)
        sound = np.concatenate(pieces[len(pieces) // 2 :])
        loud, tones = level(sound), frequencies(sound)
        step.finding = f"{' + '.join(f'{tone:.0f}' for tone in tones) or 'no tone'}, {loud:.0f} dBm0"
        if loud < AUDIBLE:
            raise Failed(
                f"no dial tone ({loud:.0f} dBm0)",
                "The line is dead. Check the cord and the socket with a telephone; then have the line repaired.",
            )
        _judge_tone(tones, settings.country)
    proof.need("dial-tone")


def frequencies(sound: Samples) -> list[float]:
    """The tones in a second of steady sound, Hz, the weakest 20 dB under the strongest."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    power[(hertz < 300) | (hertz > 700)] = 0
    found: list[float] = []
    if (strongest := power.max()) <= 0:
        return found
    while power.max() > strongest / 100 and len(found) < 4:
        peak = float(hertz[int(np.argmax(power))])
        found.append(peak)
        power[np.abs(hertz - peak) < NEAR] = 0
    return sorted(found)


def _judge_tone(tones: list[float], country: str) -> None:
    def fits(known: ProgressTone | None) -> bool:
        wanted = known.frequencies if known is not None else ()
        return len(wanted) == len(tones) and all(abs(a - b) <= NEAR for a, b in zip(wanted, tones, strict=True))

    ours = dial_tone_of(country)
    if ours is None or fits(ours):
        return
    elsewhere = [name for name in PROFILES if fits(dial_tone_of(name))]
    heard = " + ".join(f"{tone:.0f}" for tone in tones)
    if elsewhere:
        raise Failed(
            f"the dial tone is {heard} Hz, that of {', '.join(elsewhere)}; in {country} it is another",
            f'Set line.country = "{elsewhere[0]}" (it is "{country}"), unless a private exchange makes this tone.',
        )
